"""Alembic runs this for every command; `database.schema` hands it a connection with a transaction under way."""

from __future__ import annotations

from alembic import context

from auto_voice.database.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite's too: our connections begin their transactions themselves
    render_as_batch=True,  # SQLite alters a table by making it anew
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
