"""The routes, one file for each group of them; each offers its `blueprint`."""

from __future__ import annotations

from flask_openapi3 import APIBlueprint

from auto_voice.web import health, metrics
from auto_voice.web.routes import conversion, queue, recordings, sockets, speech, voice


def blueprints() -> list[APIBlueprint]:
    """All of them."""
    return [
        health.blueprint,
        metrics.blueprint,
        conversion.blueprint,
        queue.blueprint,
        voice.blueprint,
        recordings.blueprint,
        speech.blueprint,
        sockets.blueprint,
    ]
