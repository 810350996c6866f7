"""`python -I -S rlimit_exec.py CPU_SECONDS ADDRESS_BYTES program ...`: set limits, become the program.

A program of its own, because code between fork and exec is not safe in a process with threads.
"""

import os
import resource
import sys

cpu_seconds, address_bytes = int(sys.argv[1]), int(sys.argv[2])
for kind, limit in (
    (resource.RLIMIT_CPU, cpu_seconds),
    (resource.RLIMIT_AS, address_bytes),
    (resource.RLIMIT_FSIZE, 0),
    (resource.RLIMIT_CORE, 0),
    (resource.RLIMIT_NOFILE, 16),
):
    allowed = resource.getrlimit(kind)[1]
    limit = limit if allowed == resource.RLIM_INFINITY else min(limit, allowed)
    resource.setrlimit(kind, (limit, limit))
os.execv(sys.argv[3], sys.argv[3:])
