"""The tables of the first service."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """From an empty database."""
    op.create_table(
        "audit_log",
        sa.Column("entry_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column(
            "actor", sa.String(length=200), nullable=False, comment="a username, or - where nobody was recognised"
        ),
        sa.Column("act", sa.String(length=60), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name="pk_audit_log"),
    )
    op.create_index("ix_audit_log_at", "audit_log", ["at"])

    op.create_table(
        "consents",
        sa.Column("profile_id", sa.String(length=36), nullable=False),
        sa.Column("confirmed_by", sa.String(length=200), nullable=False),
        sa.Column("confirmed_at", sa.Float(), nullable=False),
        sa.Column("sample_sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("profile_id", name="pk_consents"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("body_sha256", sa.String(length=64), nullable=False),
        sa.Column("job_id", sa.String(length=41), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "key", name="pk_idempotency_keys"),
    )
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.String(length=41), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("lane", sa.String(length=20), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False, comment="higher goes first"),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("progress", sa.Float(), nullable=False, comment="0-100"),
        sa.Column("stage", sa.String(length=40), nullable=True),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("input_hash", sa.String(length=64), nullable=True, comment="SHA-256 of the uploaded bytes"),
        sa.Column("profile_id", sa.String(length=36), nullable=True),
        sa.Column("work_seconds", sa.Float(), nullable=True, comment="seconds of sound to work on, for estimates"),
        sa.Column("attempt", sa.Integer(), nullable=False, comment="grows with every claim; fences all later writes"),
        sa.Column("losses", sa.Integer(), nullable=False, comment="attempts whose worker was lost"),
        sa.Column("worker_id", sa.String(length=64), nullable=True),
        sa.Column("lease_until", sa.Float(), nullable=True),
        sa.Column(
            "listener_until", sa.Float(), nullable=True, comment="a stream is made only as long as somebody listens"
        ),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("history", sa.JSON(), nullable=False, comment="one entry for each attempt that was lost"),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("queued_at", sa.Float(), nullable=False, comment="when it last began to wait"),
        sa.Column("started_at", sa.Float(), nullable=True, comment="when its first attempt began"),
        sa.Column("attempt_at", sa.Float(), nullable=True, comment="when its newest attempt began"),
        sa.Column("finished_at", sa.Float(), nullable=True),
        sa.Column("files_expired", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_kind_finished_at", "jobs", ["kind", "finished_at"])
    op.create_index("ix_jobs_owner_created_at", "jobs", ["owner", "created_at"])
    op.create_index("ix_jobs_owner_lane_attempt_at", "jobs", ["owner", "lane", "attempt_at"])
    op.create_index("ix_jobs_profile_id", "jobs", ["profile_id"])
    op.create_index("ix_jobs_state_lane", "jobs", ["state", "lane"])
    op.create_index("ix_jobs_worker_id", "jobs", ["worker_id"])

    op.create_table(
        "profile_usage",
        sa.Column("profile_id", sa.String(length=36), nullable=False),
        sa.Column("total_conversions", sa.Integer(), nullable=False),
        sa.Column("known_since", sa.Float(), nullable=False, comment="when this service first saw the profile"),
        sa.Column("last_used_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("profile_id", name="pk_profile_usage"),
    )
    op.create_table(
        "socket_tickets",
        sa.Column("ticket_sha256", sa.String(length=64), nullable=False),
        sa.Column("username", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("job_id", sa.String(length=41), nullable=False, comment="the one job it opens a WebSocket for"),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("ticket_sha256", name="pk_socket_tickets"),
    )
    op.create_table(
        "users",
        sa.Column("username", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False, comment="user or admin"),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("disabled_at", sa.Float(), nullable=True, comment="from then on none of the user's keys is valid"),
        sa.PrimaryKeyConstraint("username", name="pk_users"),
    )
    op.create_table(
        "workers",
        sa.Column("worker_id", sa.String(length=64), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("process_id", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=False),
        sa.Column("seen_at", sa.Float(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False, comment="starting, ready, draining"),
        sa.Column("details", sa.JSON(), nullable=False, comment="device, GPU memory, loaded models, voices, version"),
        sa.PrimaryKeyConstraint("worker_id", name="pk_workers"),
    )
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.String(length=16), nullable=False, comment="the public part: av_<key_id>_<secret>"),
        sa.Column("username", sa.String(length=200), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=True),
        sa.Column("revoked_at", sa.Float(), nullable=True),
        sa.Column("last_used_at", sa.Float(), nullable=True, comment="to the minute"),
        sa.ForeignKeyConstraint(["username"], ["users.username"], name="fk_api_keys_username_users"),
        sa.PrimaryKeyConstraint("key_id", name="pk_api_keys"),
    )
    op.create_index("ix_api_keys_username", "api_keys", ["username"])
