"""`/metrics`: what all processes counted, and what the database says at this moment."""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections.abc import Iterable

from flask import Flask, Response, request
from flask_openapi3 import APIBlueprint, Tag
from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from auto_voice.errors import NotFoundError
from auto_voice.jobs.job import LANES
from auto_voice.monitoring.metrics import counted
from auto_voice.web.errors import ErrorBody
from auto_voice.web.facts import Facts, FactWatch, fact_watch
from auto_voice.web.limits import unlimited
from auto_voice.web.services import services

_LOG = logging.getLogger(__name__)
_RETRY_SECONDS = 2.0

blueprint = APIBlueprint("metrics", __name__, abp_tags=[Tag(name="Service")])


class FactCollector(Collector):
    """Gauges that are read from the database when somebody asks; without a database only that it is missing.

    Args:
        watch: does the reading.
    """

    def __init__(self, watch: FactWatch) -> None:
        self._watch = watch

    def collect(self) -> Iterable[Metric]:
        """All of them."""
        facts = self._watch.now()
        yield _gauge("autovoice_database_up", "1 when the database can be used, else 0.", facts.problem is None)
        if facts.problem is None:
            yield from _gauges(facts)


def _gauges(facts: Facts) -> Iterable[Metric]:
    yield _gauge("autovoice_active_conversions", "Conversions that run.", facts.active_conversions)
    yield _per_lane("autovoice_queue_depth", "Jobs that wait.", facts.queued)
    yield _per_lane("autovoice_running_jobs", "Jobs that run.", facts.processing)
    workers = GaugeMetricFamily("autovoice_workers", "Workers alive, by what they do.", labels=["state"])
    for state in ("starting", "ready", "draining"):
        workers.add_metric([state], sum(worker.state == state for worker in facts.workers))
    yield workers
    yield _gauge(
        "autovoice_gpu_memory_used_bytes",
        "GPU memory that the workers use.",
        sum(gpu["memory_reserved_bytes"] for gpu in facts.gpus),
    )
    yield _gauge("autovoice_disk_free_bytes", "Room on the fullest of the disks in use.", facts.free_bytes)
    if facts.cache_bytes is not None:
        yield _gauge("autovoice_cache_size_bytes", "Size of the cache, at most a minute old.", facts.cache_bytes)


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, value=float(value))


def _per_lane(name: str, meaning: str, numbers: dict[str, int]) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(name, meaning, labels=["lane"])
    for lane in dict.fromkeys(LANES.values()):
        gauge.add_metric([lane], numbers.get(lane, 0))
    return gauge


def scraped(watch: FactWatch) -> CollectorRegistry:
    """Everything that `/metrics` shows, looked up at each scrape."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(counted())
    registry.register(FactCollector(watch))
    return registry


@blueprint.get("/metrics", responses={200: {"content": {"text/plain": {}}}, 404: ErrorBody}, operation_id="metrics")
@unlimited
def metrics() -> Response:
    """Every metric, as Prometheus reads it."""
    if not services().settings.monitoring.prometheus_enabled:
        raise NotFoundError("Metrics are switched off: monitoring.prometheus_enabled.")
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(scraped(fact_watch())), content_type=content_type)


def serve_metrics_port(app: Flask) -> threading.Thread | None:
    """Serve `monitoring.prometheus_port`, where it is set, for as long as this process lives; to be called after forks.

    All web processes of a machine call it: the first one gets the port, and when it ends another one follows within
    seconds. What the port shows is the same whoever serves it.

    Returns:
        The thread that takes the port, or None where no port is set.
    """
    with app.app_context():
        settings, watch = services().settings, fact_watch()
    port = settings.monitoring.prometheus_port
    if port is None or not settings.monitoring.prometheus_enabled:
        return None
    thread = threading.Thread(
        target=_take_port, args=(settings.server.host, port, scraped(watch)), name="metrics port", daemon=True
    )
    thread.start()
    return thread


def _take_port(host: str, port: int, registry: CollectorRegistry) -> None:
    while True:
        try:
            start_http_server(port, addr=host, registry=registry)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                _LOG.error("monitoring.prometheus_port %d cannot be served: %s", port, error)
                return
            time.sleep(_RETRY_SECONDS)  # another web process has it
        else:
            _LOG.info("this process serves the metrics on port %d", port)
            return
