"""web/throttle.py: what an address did within a minute."""

from __future__ import annotations

import ipaddress

import pytest

from auto_voice.web import throttle
from auto_voice.web.throttle import Throttle


def test_each_address_is_counted_by_itself_and_anew_after_a_minute() -> None:
    now = 0.0
    counts = Throttle(lambda: now)
    assert [counts.count("198.51.100.1") for _ in range(3)] == [1, 2, 3]
    assert counts.count("198.51.100.2") == 1
    now = 59.9
    assert counts.count("198.51.100.1") == 4
    now = 60.0
    assert counts.count("198.51.100.1") == 1


def test_one_ipv6_network_is_one_address() -> None:
    counts = Throttle()
    assert [counts.count(f"2001:db8::{number:x}") for number in range(3)] == [1, 2, 3]
    assert counts.count("2001:db8:0:1::1") == 1
    assert [counts.count(each) for each in ("::ffff:198.51.100.1", "::ffff:198.51.100.2")] == [1, 1]


def test_a_million_addresses_take_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "_MOST_ADDRESSES", 100)
    counts = Throttle()
    for number in range(1000):
        counts.count(str(ipaddress.ip_address(number)))
    assert len(counts._counts) == 100
    assert counts.count(str(ipaddress.ip_address(999))) == 2


@pytest.mark.parametrize("address", ["", "unix:", "not an address", "::1%eth0"])
def test_whatever_the_server_calls_an_address_is_counted(address: str) -> None:
    counts = Throttle()
    assert [counts.count(address) for _ in range(2)] == [1, 2]
