"""The service's memory: users, keys, jobs and what happened. SQLite, or PostgreSQL by its URL."""

from __future__ import annotations

from auto_voice.database.engine import Database, open_database

__all__ = ["Database", "open_database"]
