"""Counting what each address does within a minute, in little memory."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_SECONDS = 60.0
_MOST_ADDRESSES = 10_000
_IPV6_NETWORK_BITS = 64


class Throttle:
    """Counts by address; each count begins anew a minute after its first. Thread-safe, for one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def count(self, address: str) -> int:
        """Count one more. Returns: how many within its minute, this one included.

        Of IPv6 the network counts: whoever has one address there has 2^64.
        """
        key, now = _network(address), self._clock()
        with self._lock:
            begun, tries = self._counts.get(key, (now, 0))
            if now - begun >= _SECONDS:
                begun, tries = now, 0
            self._counts[key] = (begun, tries + 1)
            self._counts.move_to_end(key)
            while len(self._counts) > _MOST_ADDRESSES:
                self._counts.popitem(last=False)
        return tries + 1


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, _IPV6_NETWORK_BITS), strict=False))
    return address
