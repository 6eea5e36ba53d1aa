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
    from .actor import Actor
    from .proposals import Proposal
    from .repository import CommitResult, Repository

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
