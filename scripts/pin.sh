#!/usr/bin/env bash
# Writes requirements.txt (to run) and requirements-dev.txt (to develop): exact versions for Python 3.10 to 3.12.
set -euo pipefail
cd "$(dirname "$0")/.."

pin() {
    local output=$1
    shift
    ${UV:-.venv/bin/uv} pip compile -q --universal --python-version 3.10 --no-annotate \
        --custom-compile-command 'make pin' "$@" --output-file "$output"
    # The pins are made for Linux (tool.uv.environments); saying so on every line helps nobody.
    sed -i -E "s/ ; sys_platform == 'linux'$//; s/ and sys_platform == 'linux'$//" "$output"
}

pin requirements.txt pyproject.toml "${@}"
pin requirements-dev.txt --group dev --constraint requirements.txt "${@}"
