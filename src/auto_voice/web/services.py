"""What the routes work with: everything one web process shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import current_app

from auto_voice.accounts import Accounts, Audit, Tickets
from auto_voice.accounts.consents import Consents
from auto_voice.config import Settings
from auto_voice.database import Database
from auto_voice.database.schema import open_prepared
from auto_voice.jobs.store import JobStore
from auto_voice.profiles import ProfileStore
from auto_voice.storage.paths import Paths

_EXTENSION = "auto_voice"


@dataclass(frozen=True, kw_only=True)
class Services:
    """The stores behind the API. Thread-safe.

    Attributes:
        settings: in force.
        paths: where files are.
        database: users, keys, jobs.
        jobs: the table of jobs and its queue.
        profiles: the voices.
        accounts: users and their keys.
        tickets: for WebSockets.
        audit: who did what; routes write through `web.audit`.
        consents: who stated that the person behind a voice agrees.
    """

    settings: Settings
    paths: Paths
    database: Database
    jobs: JobStore
    profiles: ProfileStore
    accounts: Accounts
    tickets: Tickets
    audit: Audit
    consents: Consents


def open_services(settings: Settings) -> Services:
    """The services of these settings, with a database that has its tables.

    Raises:
        StorageError: the database cannot be used; see `database.schema.prepare`.
    """
    database = open_prepared(settings)
    return Services(
        settings=settings,
        paths=Paths(settings),
        database=database,
        jobs=JobStore(settings, database),
        profiles=ProfileStore(settings),
        accounts=Accounts(database),
        tickets=Tickets(database),
        audit=Audit(database),
        consents=Consents(database),
    )


def services() -> Services:
    """The services of the running app."""
    return cast(Services, current_app.extensions[_EXTENSION])


def attach(app: object, opened: Services) -> None:
    """Give the app its services."""
    app.extensions[_EXTENSION] = opened  # type: ignore[attr-defined]
