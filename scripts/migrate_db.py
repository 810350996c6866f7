#!/usr/bin/env python3
"""Bring the service's database to this version's tables (Alembic), all of it or nothing; make a backup first."""

from __future__ import annotations

from init_db import run

if __name__ == "__main__":
    run()
