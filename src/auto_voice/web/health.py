"""How the service is: `/health` for people and monitoring, `/ready` for the load balancer. Open to everybody."""

from __future__ import annotations

import time

from flask import Response, current_app
from flask_openapi3 import APIBlueprint, Tag

from auto_voice import __version__
from auto_voice.config import Settings
from auto_voice.web.facts import Facts, fact_watch
from auto_voice.web.limits import unlimited
from auto_voice.web.models.health import (
    GpuHealth,
    Health,
    ModelHealth,
    QueueHealth,
    Readiness,
    StorageHealth,
    WorkerHealth,
)
from auto_voice.web.services import services
from auto_voice.web.status import iso_time

LOW_DISK_BYTES = 1 << 30

blueprint = APIBlueprint("health", __name__, abp_tags=[Tag(name="Service")])


@blueprint.get("/health", responses={200: Health, 503: Health}, operation_id="health")
@unlimited
def health() -> Response:
    """How the service is; 503 when it cannot work."""
    return _health()


@blueprint.get("/api/v1/health", responses={200: Health, 503: Health}, operation_id="api_health")
@unlimited
def api_health() -> Response:
    """The same under the API's prefix."""
    return _health()


@blueprint.get("/ready", responses={200: Readiness, 503: Readiness}, operation_id="ready")
@unlimited
def ready() -> Response:
    """Whether requests can be taken: the database works. Jobs are taken while no worker lives; they wait."""
    able = fact_watch().now().problem is None
    return _no_store(Readiness(ready=able).model_dump_json(), 200 if able else 503)


def _health() -> Response:
    report = _report(fact_watch().now(), services().settings)
    return _no_store(report.model_dump_json(), 503 if report.status == "unhealthy" else 200)


def _report(facts: Facts, settings: Settings) -> Health:
    troubles = _troubles(facts, settings)
    gpus = facts.gpus
    spoken = [model for model in facts.models if model.startswith(settings.tts.engine)]
    missing = facts.problem is not None
    return Health(
        status="unhealthy" if missing else "degraded" if troubles else "healthy",
        version=__version__,
        timestamp=iso_time(time.time()) or "",
        problems=troubles,
        gpu=GpuHealth(
            available=bool(gpus),
            device_count=len(gpus),
            memory_allocated_gb=_gibibytes(sum(gpu["memory_allocated_bytes"] for gpu in gpus)) if gpus else None,
            memory_reserved_gb=_gibibytes(sum(gpu["memory_reserved_bytes"] for gpu in gpus)) if gpus else None,
        ),
        gpu_available=bool(gpus),
        models=ModelHealth(tts_loaded=bool(spoken), vc_loaded=len(facts.models) > len(spoken), loaded=facts.models),
        model_loaded=bool(facts.models),
        storage=StorageHealth(
            cache_size_gb=None if facts.cache_bytes is None else _gibibytes(facts.cache_bytes),
            free_gb=None if missing else _gibibytes(facts.free_bytes),
        ),
        workers=WorkerHealth(alive=len(facts.workers), ready=sum(each.state == "ready" for each in facts.workers)),
        queue=QueueHealth(
            waiting=sum(facts.queued.values()),
            running=sum(facts.processing.values()),
            capacity=settings.limits.max_queue_size if settings.limits.queue_enabled else 0,
        ),
        dependencies={
            "database": "failed" if missing else "ok",
            "workers": "ok" if facts.workers else "missing",
        },
    )


def _troubles(facts: Facts, settings: Settings) -> list[str]:
    """What is amiss, in words, without anything that strangers should not know."""
    if facts.problem is not None:
        return ["The database cannot be used; the log says why."]
    troubles = []
    if not any(worker.state != "draining" for worker in facts.workers):
        troubles.append("No worker is alive: jobs wait.")
    elif settings.gpu.device == "cuda" and not facts.gpus and any(each.state == "ready" for each in facts.workers):
        troubles.append("The GPU is lost: work goes on without it, slowly.")
    if settings.limits.queue_enabled and facts.queued.get("batch", 0) >= settings.limits.max_queue_size:
        troubles.append("The queue is full: new conversions are refused.")
    if facts.free_bytes < LOW_DISK_BYTES:
        troubles.append("The disk is almost full.")
    return troubles


def _gibibytes(size: int) -> float:
    return round(size / (1 << 30), 3)


def _no_store(body: str, status: int) -> Response:
    response: Response = current_app.response_class(body + "\n", status=status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
