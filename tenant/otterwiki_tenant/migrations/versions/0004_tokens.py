"""Named tokens of wikis; the one each wiki was born with is the first of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_COPIED = ("id", "wiki_slug", "name", "role", "maker_did", "created_at")


def upgrade() -> None:
    """Make the table, and a row in it for the token of each wiki, whose hash stays where it is."""
    tokens = op.create_table(
        "tokens",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("wiki_slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("maker_did", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String()),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.Column("expires_at", sa.String()),
        sa.Column("last_used_at", sa.String()),
        sa.Column("revoked_at", sa.String()),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.ForeignKeyConstraint(["wiki_slug"], ["wikis.slug"], name="fk_tokens_wiki_slug"),
        sa.ForeignKeyConstraint(["maker_did"], ["users.did"], name="fk_tokens_maker_did"),
        sa.CheckConstraint("role IN ('editor', 'viewer')", name="ck_tokens_role"),
    )
    for column in ("wiki_slug", "maker_did"):
        op.create_index(f"ix_tokens_{column}", "tokens", [column])
    wikis = sa.table(
        "wikis", *(sa.column(name) for name in ("token_id", "slug", "owner_did", "created_at"))
    )
    born = sa.select(
        wikis.c.token_id,
        wikis.c.slug,
        sa.literal("first token", sa.String()),
        sa.literal("editor", sa.String()),
        wikis.c.owner_did,
        wikis.c.created_at,
    )
    op.execute(tokens.insert().from_select(_COPIED, born))


def downgrade() -> None:
    """Remove the table. A wiki's first token works again, unless it was revoked."""
    op.drop_table("tokens")
