#!/usr/bin/env bash
# Creates .venv with the pinned dependencies and this library. Does nothing if that is done, and continues an
# interrupted installation. pip's own configuration decides where packages come from.
set -euo pipefail
cd "$(dirname "$0")/.."

python=
for candidate in "${PYTHON:-python3.11}" python3; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done

missing=()
[[ -n $python ]] || missing+=(python3.11)
[[ -n $python ]] && "$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3.11-venv)
for tool in git make; do
    command -v "$tool" >/dev/null || missing+=("$tool")
done
if ((${#missing[@]})); then
    echo "Missing: ${missing[*]}. On Debian or Ubuntu:" >&2
    echo "    sudo apt-get install ${missing[*]}" >&2
    echo "(Where apt has no python3.11, Ubuntu's ppa:deadsnakes/ppa has; PYTHON=/path/to/python3.11 names one.)" >&2
    exit 1
fi

lock=envs/cpu.lock.txt
stamp=.venv/installed
wanted="$PWD $(cat "$lock" pyproject.toml | sha256sum)"
if [[ -x .venv/bin/python && -f $stamp && $(<"$stamp") == "$wanted" ]]; then
    exit 0
fi

.venv/bin/python -c '' 2>/dev/null || "$python" -m venv --clear .venv
total=$(grep -c == "$lock")
echo "Installing $total pinned packages into .venv; the first time takes some minutes."
.venv/bin/python -m pip install --no-compile --requirement "$lock" --editable . >.venv/install.log 2>&1 &
pip=$!
trap 'kill "$pip" 2>/dev/null || true' EXIT
SECONDS=0
told=0
while kill -0 "$pip" 2>/dev/null; do
    sleep 1
    if ((SECONDS - told >= 10)); then
        told=$SECONDS
        installed=$(find .venv/lib -maxdepth 4 -name '*.dist-info' | wc -l)
        installed=$((installed < total ? installed : total)) # this library and pip are not in the lock
        if ((installed > 5)); then
            echo "  $SECONDS s: $installed of $total installed"
        else
            echo "  $SECONDS s: downloading"
        fi
    fi
done
if ! wait "$pip"; then
    tail -n 20 .venv/install.log >&2
    echo "The installation failed; .venv/install.log has it all. \`make setup\` tries again." >&2
    exit 1
fi
echo "$wanted" >"$stamp"
