#!/usr/bin/env bash
# Makes .venv with the pinned requirements and this package in it: what every `make` target stands on.
#   scripts/setup.sh REQUIREMENTS...        PYTHON=python3.12 chooses the interpreter, VENV=folder the place.
set -euo pipefail
cd "$(dirname "$0")/.."
VENV=${VENV:-.venv}

say() { printf '%s\n' "$*" >&2; }
fail() { printf 'error: %s\n' "$@" >&2; exit 1; }

suits() { "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 13))' 2>/dev/null; }

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3.12 python3.11 python3.10 python3}; do
        if suits "$candidate"; then echo "$candidate"; return; fi
    done
    fail "no Python 3.10, 3.11 or 3.12 here${PYTHON:+ under the name $PYTHON}." \
        "Install one (sudo apt-get install python3 python3-venv) or name it: make PYTHON=/path/to/python3.11 …"
}

# Debian keeps ensurepip in a package of its own; a pip, virtualenv or uv that is already there does as well.
make_venv() {
    local python=$1
    rm -rf "$VENV"
    if "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -m venv "$VENV"
    elif "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m venv --without-pip "$VENV"
        "$python" -m pip install -q --target "$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" pip
    elif command -v virtualenv >/dev/null; then
        virtualenv -q -p "$python" "$VENV"
    elif command -v uv >/dev/null; then
        uv venv -q --seed -p "$python" "$VENV"
    else
        fail "$python cannot make virtual environments: it has neither ensurepip nor pip." \
            "Install them: sudo apt-get install python3-venv   (for $python: $(basename "$python")-venv)"
    fi
}

# pip at its usual length fills screens; silent, it looks hung. Shown is what it downloads, and what goes wrong.
pip_install() {
    "$VENV/bin/python" -m pip install --disable-pip-version-check --progress-bar off "$@" 2>&1 |
        awk '/^ *Downloading /{sub(/^ *Downloading /, "  "); sub(/https?:.*\//, ""); print; fflush()}
             /^Installing collected/{print "  installing …"; fflush()}
             /ERROR|error:/{failed = 1} failed{print; fflush()}' >&2
}

if ! suits "$VENV/bin/python"; then
    python=$(find_python)
    say "Making $VENV with $("$python" --version)"
    make_venv "$python"
fi

say "Installing the pinned requirements"
if ! command -v nvidia-smi >/dev/null; then
    # The default build of torch brings gigabytes of GPU libraries. Where the index of its small builds cannot be
    # reached this costs seconds, and the next line installs what the default index has.
    pip_install --extra-index-url https://download.pytorch.org/whl/cpu --timeout 10 --retries 1 \
        "$(grep '^torch==' requirements.txt)" || say "… without the CPU build of torch"
fi
pip_install $(printf -- '-r %s ' "$@")
pip_install --no-deps --editable .
