"""The hooks by which plugins meet each other without importing each other.

A plugin registers an object with ``otterwiki_engine.hooks.manager.register(...)`` or through the
entry-point group ``otterwiki_engine``.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pluggy

from .errors import CheckFailed, EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .actor import Actor
    from .pages.page_records import RelatedPage, SearchHits
    from .pages.search_query import SearchQuery
    from .pages.settings import PageSettings
    from .proposals import Proposal
    from .repository import CommitResult, Repository
    from .wiki import Wiki

GROUP = "otterwiki_engine"
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)
_log = logging.getLogger(__name__)


class EngineHooks:
    """What plugins may answer or listen to."""

    @hookspec
    def check_commit(self, repository: Repository, proposal: Proposal) -> None:
        """Look at a commit before it is written, whichever door it comes through.

        Called under the wiki's lock, once conflicts are decided, before any object is written:
        what is counted in ``proposal.before`` can't change until the commit is made. Raises
        :class:`~otterwiki_engine.errors.QuotaExceeded` or
        :class:`~otterwiki_engine.errors.Forbidden` to refuse it; any other exception stops it
        too, for a check that can't be made is a no. Be quick: every other writer waits.
        """

    @hookspec
    def commit_happened(self, repository: Repository, result: CommitResult) -> None:
        """A commit was made by this process, whichever door it came through.

        Called after the branch moved and the wiki's lock was released, in the thread that
        committed. An exception is logged and changes nothing: the commit stands.
        """

    @hookspec(firstresult=True)
    def resolve_actor(self, request: Any) -> Actor | None:
        """Who is this request (a Werkzeug request)? None means "not a credential of mine".

        A credential that is the plugin's own but bad raises; it is never answered with None.
        """

    @hookspec
    def sign_in_methods(self) -> list[tuple[str, str]]:  # type: ignore[empty-body]
        """Ways to sign in, as (label, URL) pairs, for the login page."""

    @hookspec
    def search_modes(self, wiki: Wiki) -> list[str]:  # type: ignore[empty-body]
        """Names of the search modes that can be used on `wiki` now, besides the engine's "text".

        Lower-case words, such as "semantic" or "hybrid". A mode that can't answer for the moment
        (nothing is indexed yet) is not named.
        """

    @hookspec(firstresult=True)
    def search_pages(
        self, wiki: Wiki, settings: PageSettings, query: SearchQuery
    ) -> SearchHits | None:
        """Answer a search whose ``query.mode`` is one of the plugin's; None for any other mode.

        Hits may only be pages of `wiki`, and obey ``limit``, ``offset``, ``prefix``, ``category``
        and ``tag`` of the query. A mode that finds passages may answer with several of one page,
        ``max_chunks_per_page`` of the query at most, and tells in a hit's ``details`` which these
        are: ``chunk_index`` (from 0), ``total_chunks`` of the page, ``page_word_count``, each a
        number or left out. Whoever asks may read the whole wiki. To combine a mode with
        full-text search, ask ``wiki.pages_index(settings).search(...)``. Callers go through
        :func:`otterwiki_engine.pages.search.search`.
        """

    @hookspec(firstresult=True)
    def related_pages(
        self, wiki: Wiki, settings: PageSettings, page: str, limit: int
    ) -> list[RelatedPage] | None:
        """Other pages of `wiki` that have to do with the one at path `page`, best first.

        At most `limit`; None where the plugin can't tell. Callers go through
        :func:`otterwiki_engine.pages.search.related`.
        """

    @hookspec(firstresult=True)
    def start_reindexing(self, wiki: Wiki, mode: str) -> bool | None:
        """Index all of `wiki` anew for search mode `mode`, without waiting for the end.

        True where that began, False where it is under way already, None for another plugin's mode.
        """

    @hookspec(firstresult=True)
    def reindexing_status(self, wiki: Wiki, mode: str) -> Mapping[str, Any] | None:
        """How far the index of search mode `mode` is, as JSON can say it; None for another's mode.

        ``status`` is "idle", "in_progress", "complete" or "error".
        """


manager = pluggy.PluginManager(GROUP)
manager.add_hookspecs(EngineHooks)


def check_commit(repository: Repository, proposal: Proposal) -> None:
    """Ask every ``check_commit``; the first that refuses decides.

    Raises what it refused with, or :class:`CheckFailed` where it failed for another reason.
    """
    for implementation in manager.hook.check_commit.get_hookimpls():
        arguments = {"repository": repository, "proposal": proposal}
        try:
            implementation.function(*[arguments[name] for name in implementation.argnames])
        except EngineError:
            raise
        except Exception as error:
            _log.exception("commit check failed: plugin=%s", implementation.plugin_name)
            raise CheckFailed("It could not be checked whether this change is allowed.") from error


def tell_commit_happened(repository: Repository, result: CommitResult) -> None:
    """Call every ``commit_happened`` by itself, so that one that fails stops no other."""
    for implementation in manager.hook.commit_happened.get_hookimpls():
        arguments = {"repository": repository, "result": result}
        try:
            implementation.function(*[arguments[name] for name in implementation.argnames])
        except Exception:  # noqa: BLE001 - whatever a plugin raises, the commit stands
            _log.exception(
                "commit hook failed: plugin=%s revision=%s",
                implementation.plugin_name,
                result.revision,
            )
