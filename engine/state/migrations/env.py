"""Run by Alembic: takes the connection it is handed, inside the caller's transaction."""

from __future__ import annotations

from alembic import context

from engine.state.tables_service import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
