"""What JSON says of wikis, members and tokens: the management API and the command line alike.

Never a hash and never a key. Times are ISO 8601 UTC text.
"""

from __future__ import annotations

from datetime import datetime

from otterwiki_robot.settings import Settings
from otterwiki_tenant.access import Role
from otterwiki_tenant.acls import Member
from otterwiki_tenant.limits import FarmLimits
from otterwiki_tenant.token_store import Listed
from otterwiki_tenant.wikis import WikiRecord


def wiki_document(settings: Settings, limits: FarmLimits, record: WikiRecord) -> dict[str, object]:
    """A wiki."""
    return {
        "slug": record.slug,
        "name": record.display_name,
        "owner_did": record.owner_did,
        "description": record.description,
        "public": record.is_public,
        "listed": record.is_listed,
        "suspended_at": record.suspended_at,
        "max_pages": limits.pages_of(record),
        "pages": record.page_count,
        "created_at": record.created_at,
        "url": settings.wiki_url(record.slug),
    }


def member_document(member: Member) -> dict[str, object]:
    """Somebody with a role on a wiki."""
    return {
        "did": member.did,
        "handle": member.handle,
        "display_name": member.display_name,
        "role": member.role,
        "granted_at": member.granted_at,
    }


def token_document(listed: Listed, now: datetime) -> dict[str, object]:
    """A token without its secret; `effective_role` is what it is worth today, None for nothing."""
    token = listed.token
    is_active = token.state(now) == "active"
    effective: Role | None = listed.role_today if is_active else None
    return {
        "id": token.id,
        "slug": token.wiki_slug,
        "name": token.name,
        "role": token.role,
        "effective_role": effective,
        "state": token.state(now),
        "maker_did": token.maker_did,
        "maker_handle": listed.maker_handle,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
        "revoked_at": token.revoked_at,
    }
