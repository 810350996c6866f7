"""What the service counts. Names, labels and buckets are public: dashboards are made of them.

Facts of the jobs' table (what waits, what runs, which workers live) are not counted here; web/metrics.py reads them
when somebody asks.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values
from prometheus_client.registry import Collector

from auto_voice.config import Settings
from auto_voice.errors import StorageError
from auto_voice.monitoring.slots import Slots
from auto_voice.progress import STAGE_BOUNDS
from auto_voice.storage.cache import watch_lookups
from auto_voice.storage.paths import CACHE_KINDS, Paths

_LOG = logging.getLogger(__name__)

JOB_KINDS = ("conversion", "speech", "stream", "clone", "adaptation", "analysis")
ENDS = ("completed", "failed", "cancelled")
SOCKET_FAILURES = ("refused", "full", "error")
_SPOKEN = ("speech", "stream")

_STAGE_BUCKETS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_HTTP_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0)


class Metrics:
    """Every metric that is counted.

    Args:
        registry: where they are listed.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.tts_requests_total = Counter(
            "autovoice_tts_requests_total",
            "Speech jobs that ended, by how: completed, failed or cancelled.",
            ["status"],
            registry=registry,
        )
        self.vc_requests_total = Counter(
            "autovoice_vc_requests_total",
            "Conversions that ended, by how: completed, failed or cancelled.",
            ["status"],
            registry=registry,
        )
        self.tts_duration_seconds = Histogram(
            "autovoice_tts_duration_seconds",
            "Work on a speech job that was completed, without its waiting.",
            buckets=(0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0),
            registry=registry,
        )
        self.vc_duration_seconds = Histogram(
            "autovoice_vc_duration_seconds",
            "Work on a conversion that was completed, without its waiting.",
            buckets=(5.0, 10.0, 30.0, 60.0, 120.0, 300.0),
            registry=registry,
        )
        self.stage_duration_seconds = Histogram(
            "autovoice_stage_duration_seconds",
            "Work on one stage of a conversion that was completed.",
            ["stage"],
            buckets=_STAGE_BUCKETS,
            registry=registry,
        )
        self.jobs_total = Counter(
            "autovoice_jobs_total", "Jobs of every kind that ended, by how.", ["kind", "status"], registry=registry
        )
        self.job_losses_total = Counter(
            "autovoice_job_losses_total",
            "Attempts that were lost with their worker; each was handed out again or given up.",
            ["kind"],
            registry=registry,
        )
        self.cache_hits_total = Counter(
            "autovoice_cache_hits_total",
            "Results of stages that were found in the cache, by its kind.",
            ["kind"],
            registry=registry,
        )
        self.cache_misses_total = Counter(
            "autovoice_cache_misses_total",
            "Results of stages that were looked for in the cache and not found.",
            ["kind"],
            registry=registry,
        )
        self.websocket_connections = Gauge(
            "autovoice_websocket_connections", "WebSockets open now.", registry=registry, multiprocess_mode="livesum"
        )
        self.websocket_failures_total = Counter(
            "autovoice_websocket_failures_total",
            "WebSockets that were refused (unknown job, not allowed), found no place (full), or broke (error).",
            ["reason"],
            registry=registry,
        )
        self.http_requests_total = Counter(
            "autovoice_http_requests_total",
            "Answers to HTTP requests, by the route's name and the answer's status.",
            ["endpoint", "status"],
            registry=registry,
        )
        self.http_request_duration_seconds = Histogram(
            "autovoice_http_request_duration_seconds",
            "From a request's arrival to its answer's beginning.",
            ["endpoint"],
            buckets=_HTTP_BUCKETS,
            registry=registry,
        )
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """Show what is known to come: a rate over a series that appears with its first event misses that event."""
        for end in ENDS:
            self.tts_requests_total.labels(end)
            self.vc_requests_total.labels(end)
            for kind in JOB_KINDS:
                self.jobs_total.labels(kind, end)
        for kind in JOB_KINDS:
            self.job_losses_total.labels(kind)
        for stage in STAGE_BOUNDS:
            self.stage_duration_seconds.labels(stage)
        for cache_kind in CACHE_KINDS:
            self.cache_hits_total.labels(cache_kind)
            self.cache_misses_total.labels(cache_kind)
        for reason in SOCKET_FAILURES:
            self.websocket_failures_total.labels(reason)


_REGISTRY = CollectorRegistry()
_shared: list[Slots] = []


@functools.cache
def metrics() -> Metrics:
    """The metrics of this process; made when something is first counted."""
    return Metrics(_REGISTRY)


def share_metrics(settings: Settings) -> None:
    """Count together with the other processes of the data folder; called once in a process, before it counts.

    A process that does not call it counts for itself, in memory; so does one whose disk is full, which it logs.
    """
    if metrics.cache_info().currsize or _shared:
        raise RuntimeError("share_metrics comes first, and once")
    watch_lookups(cache_looked_up)
    try:
        folder = Paths(settings).metrics_dir()
        slots = Slots(folder)
        number = slots.take()
    except (OSError, StorageError) as error:
        _LOG.warning("this process is missing from /metrics: %s", error)
        return
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    values.ValueClass = values.MultiProcessValue(lambda: number)  # type: ignore[no-untyped-call]
    _shared.append(slots)
    metrics()


def counted() -> Collector:
    """What was counted: by every process of the data folder, or by this one where it counts for itself."""
    if _shared:
        return _shared[0]
    metrics()
    return _REGISTRY


def job_ended(kind: str, state: str, seconds: float | None = None, stages: Mapping[str, float] | None = None) -> None:
    """A job reached its final state.

    Args:
        kind: of `JOB_KINDS`.
        state: of `ENDS`.
        seconds: how long its last attempt worked; None where none did.
        stages: seconds of each stage of `STAGE_BOUNDS`.
    """
    known = metrics()
    known.jobs_total.labels(kind, state).inc()
    if kind == "conversion":
        requests, duration = known.vc_requests_total, known.vc_duration_seconds
    elif kind in _SPOKEN:
        requests, duration = known.tts_requests_total, known.tts_duration_seconds
    else:
        return
    requests.labels(state).inc()
    if state != "completed":
        return
    if seconds is not None:
        duration.observe(seconds)
    for stage in STAGE_BOUNDS.keys() & (stages or {}).keys():
        known.stage_duration_seconds.labels(stage).observe((stages or {})[stage])


def job_lost(kind: str) -> None:
    """An attempt was lost with its worker."""
    metrics().job_losses_total.labels(kind).inc()


def cache_looked_up(kind: str, found: bool) -> None:
    """A result was looked for in the cache of that kind."""
    known = metrics()
    (known.cache_hits_total if found else known.cache_misses_total).labels(kind).inc()


def socket_opened() -> None:
    """A WebSocket was accepted."""
    metrics().websocket_connections.inc()


def socket_closed() -> None:
    """A WebSocket that was accepted is gone."""
    metrics().websocket_connections.dec()


def socket_failed(reason: str) -> None:
    """A WebSocket was refused or broke; `reason` is of `SOCKET_FAILURES`."""
    metrics().websocket_failures_total.labels(reason).inc()


def http_answered(endpoint: str, status: int, seconds: float) -> None:
    """A request was answered. `endpoint` is the route's name, never the path, of which there is no end."""
    known = metrics()
    known.http_requests_total.labels(endpoint, str(status)).inc()
    known.http_request_duration_seconds.labels(endpoint).observe(seconds)
