"""A handle names one person: two registrations at the same moment can't both have it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_A_HANDLE = sa.text("handle <> ''")


def upgrade() -> None:
    """Make the index on handles unique, but for "" (none)."""
    op.drop_index("ix_users_handle", "users")
    op.create_index(
        "uq_users_handle",
        "users",
        ["handle"],
        unique=True,
        sqlite_where=_A_HANDLE,
        postgresql_where=_A_HANDLE,
    )


def downgrade() -> None:
    """Let handles repeat again."""
    op.drop_index("uq_users_handle", "users")
    op.create_index("ix_users_handle", "users", ["handle"])
