"""What single values cannot tell: settings that contradict each other."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auto_voice.config.settings import Settings

Contradiction = tuple[tuple[str, ...], str]
"""The key to change, and the sentence that says why."""


def contradictions(settings: Settings) -> Iterator[Contradiction]:
    """Every contradiction in settings whose values are each valid."""
    yield from _insecure(settings)
    yield from _impossible_limits(settings)
    yield from _forbidden_default(settings)
    yield from _clashing_ports(settings)
    yield from _shared_folders(settings)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens there."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _insecure(settings: Settings) -> Iterator[Contradiction]:
    security, host = settings.security, settings.server.host
    if not (is_loopback(host) or security.api_key_required or security.allow_insecure):
        yield (
            ("security", "api_key_required"),
            f"is off while server.host is {host}, where others can reach it; switch it on,"
            " listen on 127.0.0.1, or set security.allow_insecure: true",
        )


def _impossible_limits(settings: Settings) -> Iterator[Contradiction]:
    low, high = settings.limits.min_profile_duration_s, settings.limits.max_profile_duration_s
    if low >= high:
        yield (
            ("limits", "min_profile_duration_s"),
            f"should be less than limits.max_profile_duration_s ({high:g}), not {low:g}",
        )


def _forbidden_default(settings: Settings) -> Iterator[Contradiction]:
    quality = settings.quality
    allowed = {
        "fast": quality.allow_fast_preset,
        "balanced": True,
        "quality": quality.allow_quality_preset,
    }
    if not allowed[quality.default_preset]:
        yield (
            ("quality", "default_preset"),
            f"is {quality.default_preset!r}, which allow_{quality.default_preset}_preset switches off;"
            f" allowed: {', '.join(name for name, yes in allowed.items() if yes)}",
        )


def _clashing_ports(settings: Settings) -> Iterator[Contradiction]:
    monitoring = settings.monitoring
    if monitoring.prometheus_enabled and monitoring.prometheus_port == settings.server.port:
        yield (
            ("monitoring", "prometheus_port"),
            "is server.port, which serves /metrics anyway; leave it out, or give another port",
        )


def _shared_folders(settings: Settings) -> Iterator[Contradiction]:
    names: dict[Path, list[str]] = defaultdict(list)
    for name in type(settings.storage).model_fields:
        if name.endswith("_dir"):
            names[getattr(settings.storage, name)].append(name)
    for folder, users in names.items():
        if len(users) > 1:
            yield (
                ("storage", users[-1]),
                f"is {folder}, the same folder as storage.{users[0]}; what clears one would clear both",
            )
