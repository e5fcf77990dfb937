#!/usr/bin/env bash
# Starts vtg train on every host of a Cloud TPU slice.
set -euo pipefail

usage() {
  cat >&2 <<'TEXT'
usage: launch/tpu_pod.sh [--install] NAME ZONE CONFIG [KEY=VALUE | OPTION]...

  Runs `vtg train --distributed CONFIG ...` on all hosts of the TPU slice NAME
  in ZONE, with gcloud's current project. --install first copies this checkout
  to all hosts and installs it there with the tpu extra.

  Checkpoints and data must lie where every host reads them, such as a bucket
  that is mounted on each: give --folder and data.* accordingly.

example:
  launch/tpu_pod.sh --install pod-16 us-west4-a hawkeye/charades_sta \
    mesh.data=1 mesh.fsdp=16 batch_size=128 --folder /mnt/bucket/charades
TEXT
  exit 2
}

install=false
if [[ "${1-}" == --install ]]; then
  install=true
  shift
fi
[[ $# -ge 3 ]] || usage
name=$1 zone=$2
shift 2

on_all_hosts() {
  gcloud compute tpus tpu-vm ssh "$name" --zone="$zone" --worker=all \
    --command="$1"
}

if $install; then
  root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
  archive=$(mktemp --suffix=.tar.gz)
  trap 'rm -f "$archive"' EXIT
  git -C "$root" archive --format=tar.gz --output="$archive" HEAD
  gcloud compute tpus tpu-vm scp "$archive" "$name:vtg_jax.tar.gz" \
    --zone="$zone" --worker=all
  on_all_hosts 'set -e; rm -rf vtg_jax; mkdir vtg_jax
    tar -xzf vtg_jax.tar.gz -C vtg_jax; cd vtg_jax
    python3 -m venv .venv
    .venv/bin/pip install --quiet --editable ".[tpu]"'
fi

# Each word is quoted again for the shell of the host.
printf -v words ' %q' "$@"
on_all_hosts "cd vtg_jax && .venv/bin/vtg train --distributed$words"
