#!/usr/bin/env bash
# Installs Debian's Slurm and munge, where this may: as root, or with sudo that asks for no password.
set -euo pipefail
if command -v slurmctld slurmd munged >/dev/null; then
    exit 0
fi
sudo=()
((EUID == 0)) || sudo=(sudo -n)
if ! command -v apt-get >/dev/null || ! "${sudo[@]}" true 2>/dev/null; then
    echo "No Slurm here, and none can be installed: apt-get, as root or with sudo, installs slurm-wlm and munge" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
"${sudo[@]}" apt-get update -qq >/dev/null
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq slurm-wlm munge >/dev/null
