"""Sessions, the audit trail, suspension, deleted accounts, and what an owner decides."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TO_USERS = ("suspended_at", "deleted_at")
_TO_WIKIS = ("description", "is_listed", "suspended_at", "max_pages")


def upgrade() -> None:
    """Add columns that may be empty, and two tables."""
    op.add_column("users", sa.Column("suspended_at", sa.String()))
    op.add_column("users", sa.Column("deleted_at", sa.String()))
    op.add_column("wikis", sa.Column("description", sa.String(), nullable=False, server_default=""))
    op.add_column("wikis", sa.Column("is_listed", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("wikis", sa.Column("suspended_at", sa.String()))
    op.add_column("wikis", sa.Column("max_pages", sa.Integer()))
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("user_did", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.Column("last_seen_at", sa.String(), nullable=False),
        sa.Column("expires_at", sa.String(), nullable=False),
        sa.Column("user_agent", sa.String()),
        sa.Column("address", sa.String()),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.ForeignKeyConstraint(["user_did"], ["users.did"], name="fk_sessions_user_did"),
    )
    op.create_index("ix_sessions_user_did", "sessions", ["user_did"])
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=True),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("actor_did", sa.String()),
        sa.Column("wiki_slug", sa.String()),
        sa.Column("subject_did", sa.String()),
        sa.Column("detail", sa.String()),
        sa.Column("address", sa.String()),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    for column in ("at", "actor_did", "wiki_slug", "subject_did"):
        op.create_index(f"ix_audit_{column}", "audit", [column])


def downgrade() -> None:
    """Remove them again."""
    op.drop_table("audit")
    op.drop_table("sessions")
    for table, added in (("wikis", _TO_WIKIS), ("users", _TO_USERS)):
        with op.batch_alter_table(table) as batch:
            for name in added:
                batch.drop_column(name)
