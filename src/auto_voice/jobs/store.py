"""The table of jobs."""

from __future__ import annotations

from auto_voice.config import Settings
from auto_voice.database import Database


class JobStore:
    """Jobs."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
