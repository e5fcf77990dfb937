#!/usr/bin/env bash
# Starts vtg train as a workload on GKE with XPK.
set -euo pipefail

usage() {
  cat >&2 <<'TEXT'
usage: launch/gke_xpk.sh CLUSTER WORKLOAD TPU_TYPE IMAGE CONFIG \
         [KEY=VALUE | OPTION]...

  Submits `vtg train --distributed CONFIG ...` to the GKE cluster CLUSTER under
  the name WORKLOAD, for every host of a slice of TPU_TYPE. IMAGE is a container
  image in which vtg is installed with its tpu extra. Needs xpk (pip install
  xpk) and gcloud's current project and zone. A run that is evicted starts
  again and goes on from its last checkpoint, up to RESTARTS times (default 50).

example:
  launch/gke_xpk.sh research charades-1 v5litepod-16 \
    europe-docker.pkg.dev/lab/images/vtg:1 hawkeye/charades_sta \
    mesh.data=1 mesh.fsdp=16 batch_size=128 --folder /mnt/bucket/charades
TEXT
  exit 2
}

[[ $# -ge 5 ]] || usage
cluster=$1 workload=$2 tpu_type=$3 image=$4
shift 4

# Each word is quoted again for the shell of the container.
printf -v words ' %q' "$@"
xpk workload create \
  --cluster="$cluster" \
  --workload="$workload" \
  --tpu-type="$tpu_type" \
  --num-slices=1 \
  --docker-image="$image" \
  --max-restarts="${RESTARTS:-50}" \
  --command="vtg train --distributed$words"
