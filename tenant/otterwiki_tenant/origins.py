"""Whether a request that changes something was sent by a page of this very host (checklist D6).

The wikis of a farm are same-site to each other, so SameSite cookies come along with requests from
any of them. The browser says where a request is from in headers that no page can set.
"""

from __future__ import annotations

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
REFUSED = (
    "This was not sent from a page of this wiki, so nothing was changed. "
    "Open the page here and send the form again."
)


def is_safe(method: str) -> bool:
    """Whether requests with that method change nothing; unknown methods are not safe."""
    return method in SAFE_METHODS


def is_same_origin(*, own: str, origin: str | None, fetch_site: str | None) -> bool:
    """Whether the headers Origin and Sec-Fetch-Site say: from `own` (scheme://host[:port]).

    Sec-Fetch-Site counts where it is there, and an Origin beside it must agree; without it the
    Origin must be ours exactly. Neither is a no: every browser sends an Origin with a form.
    """
    if fetch_site is not None and fetch_site != "same-origin":
        return False
    if origin is not None:
        return origin == own
    return fetch_site is not None
