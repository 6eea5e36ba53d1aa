"""Users, the namespace, wikis, acls and sign-in links."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "users",
        sa.Column("did", sa.String(), nullable=False),
        sa.Column("handle", sa.String(), nullable=False),
        sa.Column("display_name", sa.String()),
        sa.Column("avatar_url", sa.String()),
        sa.Column("username", sa.String(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.Column("wiki_count", sa.Integer(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("did", name="pk_users"),
        sa.UniqueConstraint("username", name="uq_users_username"),
    )
    op.create_index("ix_users_handle", "users", ["handle"])
    op.create_table(
        "names",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("owner_did", sa.String(), nullable=False),
        sa.Column("taken_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_names"),
        sa.ForeignKeyConstraint(["owner_did"], ["users.did"], name="fk_names_owner_did"),
    )
    op.create_table(
        "wikis",
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("owner_did", sa.String(), nullable=False),
        sa.Column("display_name", sa.String(), nullable=False),
        sa.Column("repo_path", sa.String(), nullable=False),
        sa.Column("mcp_token_hash", sa.String(), nullable=False),
        sa.Column("token_id", sa.String(), nullable=False),
        sa.Column("is_public", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.Column("last_accessed", sa.String(), nullable=False),
        sa.Column("page_count", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("template_revision", sa.String()),
        sa.Column("session_key", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("slug", name="pk_wikis"),
        sa.UniqueConstraint("token_id", name="uq_wikis_token_id"),
        sa.ForeignKeyConstraint(["slug"], ["names.name"], name="fk_wikis_slug"),
        sa.ForeignKeyConstraint(["owner_did"], ["users.did"], name="fk_wikis_owner_did"),
    )
    op.create_index("ix_wikis_owner_did", "wikis", ["owner_did"])
    op.create_table(
        "acls",
        sa.Column("wiki_slug", sa.String(), nullable=False),
        sa.Column("grantee_did", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("granted_by", sa.String(), nullable=False),
        sa.Column("granted_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("wiki_slug", "grantee_did", name="pk_acls"),
        sa.ForeignKeyConstraint(["wiki_slug"], ["wikis.slug"], name="fk_acls_wiki_slug"),
        sa.ForeignKeyConstraint(["grantee_did"], ["users.did"], name="fk_acls_grantee_did"),
        sa.CheckConstraint("role IN ('owner', 'editor', 'viewer')", name="ck_acls_role"),
    )
    op.create_table(
        "login_links",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("user_did", sa.String(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.Column("expires_at", sa.String(), nullable=False),
        sa.Column("used_at", sa.String()),
        sa.PrimaryKeyConstraint("token_hash", name="pk_login_links"),
        sa.ForeignKeyConstraint(["user_did"], ["users.did"], name="fk_login_links_user_did"),
    )


def downgrade() -> None:
    """Remove the tables again."""
    for table in ("login_links", "acls", "wikis", "names", "users"):
        op.drop_table(table)
