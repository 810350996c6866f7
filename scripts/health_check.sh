#!/usr/bin/env bash
# Is the service well? Prints what it finds; exit code 0 when it works, be it degraded, else 1.
#   scripts/health_check.sh [HOST:PORT]     without it the configured address; AUTOVOICE_CONFIG names the configuration
set -euo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
[ -x "$python" ] || python=python3

configured_address() {
    "$python" -c '
from auto_voice.config import configured_settings
server = configured_settings().server
host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(server.host.strip("[]"), server.host.strip("[]"))
print(f"[{host}]:{server.port}" if ":" in host else f"{host}:{server.port}")'
}

fetch() {
    if command -v curl >/dev/null; then
        curl --fail --silent --show-error --max-time 10 "$1"
    else
        "$python" -c 'import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode().strip())' "$1"
    fi
}

address=${1:-$(configured_address)}
fetch "http://$address/health" || { echo "The service at $address is not well." >&2; exit 1; }

if command -v nvidia-smi >/dev/null; then
    nvidia-smi --list-gpus || { echo "The GPU does not answer." >&2; exit 1; }
else
    echo "No NVIDIA GPU here: models run on the processor."
fi

available=$(awk '/^MemAvailable:/ {print int($2 / 1048576)}' /proc/meminfo)
[ "$available" -ge 4 ] || echo "WARNING: low memory, $available GiB available"
echo "Health check passed"
