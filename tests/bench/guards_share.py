"""How much time goes into asking who it is and what they may do, at each page view.

The limit is a share of *stock's* page view: when it was set, the two took about as long, and a page
that is shown faster must not make the same questions look dearer.

Runs inside the worker that serves the farm. The functions below are what a request passes that no
single wiki would have: each is timed where it is called, a call inside another one counted once.
The bookkeeping after the answer (last seen, last accessed) is counted too.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any
from unittest import mock

from .browser import Browser
from .messages import BenchError

LIMIT = 0.03
"""The most that session and permission code may take, as a share of a stock page view."""


@dataclass(frozen=True)
class Share:
    """Seconds a view, and the share of it, as medians over all views; `total` is over the sums.

    `stock_view_seconds` is the median of stock's page views in the same run.
    """

    views: int
    view_seconds: float
    guard_seconds: float
    share: float
    total: float
    stock_view_seconds: float = 0.0

    @property
    def of_stock(self) -> float:
        """The share of a stock page view; raises ZeroDivisionError where none was measured."""
        return self.guard_seconds / self.stock_view_seconds

    @property
    def is_met(self) -> bool:
        """Whether the share keeps to the limit."""
        return self.of_stock < LIMIT

    def __str__(self) -> str:
        return (
            f"Session and permission code: {self.guard_seconds * 1000:.3f} ms a page view (median"
            f" of {self.views}), {self.of_stock:.2%} of a stock page view; under {LIMIT:.0%}:"
            f" {'PASS' if self.is_met else 'FAIL'}. Of our own, which takes"
            f" {self.view_seconds * 1000:.2f} ms, {self.share:.1%} (all together {self.total:.1%})."
        )


class Clock:
    """Adds up the time spent in the functions it was put around."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.calls = 0
        self._depth = 0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, timed; of nested ones only the outermost counts."""

        @functools.wraps(function)
        def timed(*arguments: Any, **options: Any) -> Any:
            if self._depth:
                return function(*arguments, **options)
            self._depth = 1
            self.calls += 1
            start = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                self.seconds += time.perf_counter() - start
                self._depth = 0

        return timed


@contextmanager
def timed_guards() -> Iterator[Clock]:
    """Put the clock around everything that is asked of sessions, roles and permissions."""
    from otterwiki.server import app

    from otterwiki_access_control.farm_auth import FarmAuth
    from otterwiki_access_control.standins import check_request
    from otterwiki_tenant import answers, request_cookies
    from otterwiki_tenant.farm import Farm
    from otterwiki_tenant.front_answers import FrontAnswers
    from otterwiki_tenant.wsgi import FarmMiddleware

    clock = Clock()
    places = [
        (FarmMiddleware, "_refuse_unasked"),
        (FarmMiddleware, "_admit"),  # cookie, session, person, wiki, role, binding
        (FrontAnswers, "bounce"),
        (FarmMiddleware, "_cookies_for_otterwiki"),
        (FarmMiddleware, "_touch"),
        (Farm, "renewed_cookie"),
        (FarmAuth, "has_permission"),
        (FarmAuth, "request_loader"),
        (answers, "complete"),
        (request_cookies, "clearing_of_doubles"),
    ]
    with ExitStack() as stack:
        for owner, name in places:
            stack.enter_context(mock.patch.object(owner, name, clock.around(getattr(owner, name))))
        functions = app.before_request_funcs[None]
        if check_request not in functions:
            raise BenchError("the farm does not check its requests")
        timed = [clock.around(f) if f is check_request else f for f in functions]
        stack.enter_context(mock.patch.dict(app.before_request_funcs, {None: timed}))
        yield clock


def measure_share(browser: Browser, path: str, views: int) -> Share:
    """View the page `views` times in this process. Raises BenchError unless each succeeds."""
    samples: list[tuple[float, float]] = []
    with timed_guards() as clock:
        for _ in range(views):
            before = clock.seconds
            answer = browser.get(path)
            if answer.status != 200:
                raise BenchError(f"{path} answered {answer.status}")
            samples.append((clock.seconds - before, answer.seconds))
        if clock.calls < 5 * views:
            raise BenchError(f"only {clock.calls} calls were timed in {views} views")
    return share_of(samples)


def share_of(samples: Sequence[tuple[float, float]]) -> Share:
    """What pairs of seconds (of the guards, of the view) come to; raises ValueError for none."""
    if not samples:
        raise ValueError("no views")
    return Share(
        views=len(samples),
        view_seconds=median(view for _, view in samples),
        guard_seconds=median(guards for guards, _ in samples),
        share=median(guards / view for guards, view in samples),
        total=sum(guards for guards, _ in samples) / sum(view for _, view in samples),
    )
