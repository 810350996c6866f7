"""The page for people at `/`: how the service is, its voices and jobs, and where to read on."""

from __future__ import annotations

from flask import Blueprint, render_template

from auto_voice import __version__
from auto_voice.web.limits import unlimited
from auto_voice.web.services import services

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
@unlimited
def index() -> str:
    """The page; what it shows it asks the API for, with the visitor's own key."""
    return render_template("index.html", version=__version__, needs_key=services().settings.security.api_key_required)
