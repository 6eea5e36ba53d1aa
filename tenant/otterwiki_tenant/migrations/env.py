"""Alembic's entry: runs the revisions on the connection that the caller put into the config."""

from __future__ import annotations

from alembic import context

from otterwiki_tenant.models import Base

#: Other distributions that keep tables in robot.db have a version table of their own.
VERSION_TABLE = "alembic_version_tenant"

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
context.run_migrations()
