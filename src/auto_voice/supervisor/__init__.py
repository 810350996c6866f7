"""Starts the service's processes, keeps them running, and ends them without losing work."""

from __future__ import annotations

from auto_voice.supervisor.configuration import Configuration
from auto_voice.supervisor.run import Supervisor

__all__ = ["Configuration", "Supervisor"]
