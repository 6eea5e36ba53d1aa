"""Names for the types of PEP 3333, used in signatures only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WSGIResult = Iterable[bytes]
WSGIApp = Callable[[Environ, StartResponse], WSGIResult]
