"""How busy the service is."""

from __future__ import annotations

from flask import Response, jsonify
from flask_openapi3 import APIBlueprint, Tag

from auto_voice.jobs.workers import WorkerRegistry, silence_seconds
from auto_voice.web.models.conversion import QueueStatus
from auto_voice.web.responses import ERRORS
from auto_voice.web.services import services

blueprint = APIBlueprint("queue", __name__, url_prefix="/api/v1/queue", abp_tags=[Tag(name="Service")])


@blueprint.get("/status", responses={200: QueueStatus, **ERRORS})
def queue_status() -> Response:
    """How many jobs wait and run, over all users."""
    here = services()
    depth = here.jobs.depth()
    limits = here.settings.limits
    return jsonify(
        {
            "depth": depth["queued"]["batch"],
            "running": depth["processing"]["batch"],
            "capacity": limits.max_queue_size if limits.queue_enabled else 0,
            "concurrent_conversions": limits.concurrent_conversions,
            "interactive_depth": depth["queued"]["interactive"],
            "interactive_running": depth["processing"]["interactive"],
            "workers": len(WorkerRegistry(here.database).alive(silence_seconds(here.settings))),
            "estimated_wait_seconds": round(here.jobs.estimates.wait_seconds("batch"), 1),
        }
    )
