"""The registry's tables. The columns of the specification, and a few more with their reasons."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, MetaData, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

#: Constraint names are fixed so that later migrations can name them on every database.
_NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
ROLES = ("owner", "editor", "viewer")


class Base(DeclarativeBase):
    """Base of the registry's models."""

    metadata = MetaData(naming_convention=_NAMING)


class UserRow(Base):
    """A person. The DID is the identity; the handle may change, the username never does."""

    __tablename__ = "users"
    __table_args__ = (
        # one person a handle; "" stands for none
        Index(
            "uq_users_handle",
            "handle",
            unique=True,
            sqlite_where=text("handle <> ''"),
            postgresql_where=text("handle <> ''"),
        ),
    )
    did: Mapped[str] = mapped_column(primary_key=True)
    handle: Mapped[str]
    display_name: Mapped[str | None]
    avatar_url: Mapped[str | None]
    username: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[str]
    wiki_count: Mapped[int] = mapped_column(default=0, server_default="0")
    suspended_at: Mapped[str | None]  # by the operator; None: not suspended
    deleted_at: Mapped[str | None]  # the row of a deleted account only keeps its name taken


class SessionRow(Base):
    """A browser somebody signed in with. Without a row its cookie is worth nothing."""

    __tablename__ = "sessions"
    id: Mapped[str] = mapped_column(primary_key=True)  # the cookie's `sid`; no secret by itself
    user_did: Mapped[str] = mapped_column(ForeignKey("users.did"), index=True)
    method: Mapped[str]  # how they signed in, e.g. "login-link"
    created_at: Mapped[str]
    last_seen_at: Mapped[str]
    expires_at: Mapped[str]
    user_agent: Mapped[str | None]
    address: Mapped[str | None]


class NameRow(Base):
    """The one namespace of usernames and wiki addresses, which outlives a deleted wiki.

    The primary key decides races: two people can't take one name, whichever kind it is.
    """

    __tablename__ = "names"
    name: Mapped[str] = mapped_column(primary_key=True)
    owner_did: Mapped[str] = mapped_column(ForeignKey("users.did"))
    taken_at: Mapped[str]


class WikiRow(Base):
    """A wiki. Its row is what makes it exist: a folder without one is not served."""

    __tablename__ = "wikis"
    slug: Mapped[str] = mapped_column(ForeignKey("names.name"), primary_key=True)
    owner_did: Mapped[str] = mapped_column(ForeignKey("users.did"), index=True)
    display_name: Mapped[str]
    repo_path: Mapped[str]
    mcp_token_hash: Mapped[str]  # of the first token, "" once that is revoked
    token_id: Mapped[str] = mapped_column(unique=True)  # public half of the first token
    is_public: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[str]
    last_accessed: Mapped[str]
    page_count: Mapped[int] = mapped_column(default=0, server_default="0")
    template_revision: Mapped[str | None]  # the commit made at creation: "still untouched?"
    session_key: Mapped[str]  # random: a re-created slug shares no cookie key with the old wiki
    description: Mapped[str] = mapped_column(default="", server_default="")
    is_listed: Mapped[int] = mapped_column(default=0, server_default="0")  # on the front page
    suspended_at: Mapped[str | None]  # by the operator; None: not suspended
    max_pages: Mapped[int | None]  # this wiki's own limit; None: the farm's


class AclRow(Base):
    """Who else may do what on a wiki; the owner has a row as well."""

    __tablename__ = "acls"
    __table_args__ = (CheckConstraint("role IN ('owner', 'editor', 'viewer')", name="role"),)
    wiki_slug: Mapped[str] = mapped_column(ForeignKey("wikis.slug"), primary_key=True)
    grantee_did: Mapped[str] = mapped_column(ForeignKey("users.did"), primary_key=True)
    role: Mapped[str]
    granted_by: Mapped[str]
    granted_at: Mapped[str]


class TokenRow(Base):
    """A bearer token of one wiki, for programs. A revoked one keeps no hash."""

    __tablename__ = "tokens"
    __table_args__ = (CheckConstraint("role IN ('editor', 'viewer')", name="role"),)
    id: Mapped[str] = mapped_column(primary_key=True)  # the public half, by which it is found
    wiki_slug: Mapped[str] = mapped_column(ForeignKey("wikis.slug"), index=True)
    name: Mapped[str]  # commits made with it carry it
    role: Mapped[str]
    maker_did: Mapped[str] = mapped_column(ForeignKey("users.did"), index=True)
    token_hash: Mapped[str | None]  # None: the wiki's first one, whose hash is mcp_token_hash
    created_at: Mapped[str]
    expires_at: Mapped[str | None]  # None: never
    last_used_at: Mapped[str | None]  # to the hour
    revoked_at: Mapped[str | None]


class LoginLinkRow(Base):
    """A one-time sign-in link; only the token's hash is kept."""

    __tablename__ = "login_links"
    token_hash: Mapped[str] = mapped_column(primary_key=True)
    user_did: Mapped[str] = mapped_column(ForeignKey("users.did"))
    created_at: Mapped[str]
    expires_at: Mapped[str]
    used_at: Mapped[str | None]


class AuditRow(Base):
    """Something that changed who may do what, or that signed somebody in. Rows are only added.

    No foreign keys: a row outlives what it is about.
    """

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[str] = mapped_column(index=True)
    action: Mapped[str]
    actor_did: Mapped[str | None] = mapped_column(index=True)  # None: the operator
    wiki_slug: Mapped[str | None] = mapped_column(index=True)
    subject_did: Mapped[str | None] = mapped_column(index=True)  # whom it was done to
    detail: Mapped[str | None]  # a word or two: a role, "public"
    address: Mapped[str | None]  # the browser's, None on the command line
