#!/usr/bin/env bash
# Submits vtg train to SLURM: one process a GPU, on one node or several.
set -euo pipefail

usage() {
  cat >&2 <<'TEXT'
usage: launch/slurm_gpu.sh NODES GPUS_PER_NODE CONFIG [KEY=VALUE | OPTION]...

  Submits `vtg train --distributed CONFIG ...` with NODES x GPUS_PER_NODE
  processes, each with a GPU of its own; they find one another through SLURM.
  The job is told to end 120 s before its time is up: training then saves, and
  submitting the same line again goes on from there.

  VTG          the program (default: vtg on the PATH)
  SBATCH_ARGS  more of sbatch's options: SBATCH_ARGS='--partition=a100 --time=8:00'

example:
  launch/slurm_gpu.sh 2 8 hawkeye/instruction_tuning batch_size=64 \
    --folder /scratch/runs/stage3
TEXT
  exit 2
}

[[ $# -ge 3 && $1 =~ ^[1-9][0-9]*$ && $2 =~ ^[1-9][0-9]*$ ]] || usage
nodes=$1 gpus=$2
shift 2

read -ra more <<<"${SBATCH_ARGS-}"
printf -v words ' %q' "${VTG:-vtg}" train --distributed "$@"
sbatch \
  --job-name=vtg-train \
  --nodes="$nodes" \
  --ntasks-per-node="$gpus" \
  --gpus-per-node="$gpus" \
  --signal=TERM@120 \
  ${more[@]+"${more[@]}"} \
  --wrap="srun --kill-on-bad-exit=1$words"
