"""Every table. Times are seconds since the epoch (UTC); JSON columns hold plain documents."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

users = Table(
    "users",
    metadata,
    Column("username", String(200), primary_key=True),
    Column("role", String(20), nullable=False, comment="user or admin"),
    Column("created_at", Float, nullable=False),
    Column("disabled_at", Float, comment="from then on none of the user's keys is valid"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", String(16), primary_key=True, comment="the public part: av_<key_id>_<secret>"),
    Column("username", ForeignKey("users.username"), nullable=False, index=True),
    Column("label", String(200), nullable=False, default=""),
    Column("secret_sha256", String(64), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("revoked_at", Float),
    Column("last_used_at", Float, comment="to the minute"),
)

socket_tickets = Table(
    "socket_tickets",
    metadata,
    Column("ticket_sha256", String(64), primary_key=True),
    Column("username", String(200), nullable=False),
    Column("role", String(20), nullable=False),
    Column("job_id", String(41), nullable=False, comment="the one job it opens a WebSocket for"),
    Column("expires_at", Float, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", String(41), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("lane", String(20), nullable=False),
    Column("owner", String(200), nullable=False),
    Column("priority", Integer, nullable=False, default=0, comment="higher goes first"),
    Column("state", String(20), nullable=False),
    Column("progress", Float, nullable=False, default=0.0, comment="0-100"),
    Column("stage", String(40)),
    Column("parameters", JSON, nullable=False),
    Column("input_hash", String(64), comment="SHA-256 of the uploaded bytes"),
    Column("profile_id", String(36), index=True),
    Column("work_seconds", Float, comment="seconds of sound to work on, for estimates"),
    Column("attempt", Integer, nullable=False, default=0, comment="grows with every claim; fences all later writes"),
    Column("losses", Integer, nullable=False, default=0, comment="attempts whose worker was lost"),
    Column("worker_id", String(64), index=True),
    Column("lease_until", Float),
    Column("listener_until", Float, comment="a stream is made only as long as somebody listens"),
    Column("error", JSON),
    Column("result", JSON),
    Column("history", JSON, nullable=False, comment="one entry for each attempt that was lost"),
    Column("request_id", String(64)),
    Column("created_at", Float, nullable=False),
    Column("queued_at", Float, nullable=False, comment="when it last began to wait"),
    Column("started_at", Float, comment="when its first attempt began"),
    Column("attempt_at", Float, comment="when its newest attempt began"),
    Column("finished_at", Float),
    Column("files_expired", Boolean, nullable=False, default=False),
    Index("ix_jobs_state_lane", "state", "lane"),
    Index("ix_jobs_owner_created_at", "owner", "created_at"),
    Index("ix_jobs_owner_lane_attempt_at", "owner", "lane", "attempt_at"),
    Index("ix_jobs_kind_finished_at", "kind", "finished_at"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("owner", String(200), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("body_sha256", String(64), nullable=False),
    Column("job_id", String(41), nullable=False),
    Column("created_at", Float, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("worker_id", String(64), primary_key=True),
    Column("host", String(255), nullable=False),
    Column("process_id", Integer, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("seen_at", Float, nullable=False),
    Column("state", String(20), nullable=False, comment="starting, ready, draining"),
    Column("details", JSON, nullable=False, comment="device, GPU memory, loaded models, voices, version"),
)

profile_usage = Table(
    "profile_usage",
    metadata,
    Column("profile_id", String(36), primary_key=True),
    Column("total_conversions", Integer, nullable=False, default=0),
    Column("known_since", Float, nullable=False, comment="when this service first saw the profile"),
    Column("last_used_at", Float),
)

consents = Table(
    "consents",
    metadata,
    Column("profile_id", String(36), primary_key=True),
    Column("confirmed_by", String(200), nullable=False),
    Column("confirmed_at", Float, nullable=False),
    Column("sample_sha256", String(64), nullable=False),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("entry_id", Integer, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False, index=True),
    Column("actor", String(200), nullable=False, comment="a username, or - where nobody was recognised"),
    Column("act", String(60), nullable=False),
    Column("target", Text, nullable=False, default=""),
    Column("address", String(64), nullable=False, default=""),
    Column("request_id", String(64), nullable=False, default=""),
    Column("details", JSON, nullable=False),
)
