"""What Otterwiki's renderer plugins remember while they render, kept per thread.

The embeddings and mistune plugins are one object each for the whole process and store the page
being rendered, its tables and its attachments on ``self``. With two threads one page's tables end
up in another page's script; on a farm that crosses wikis. The objects are converted in place: from
then on each thread sees only what it stored itself, and nothing after the end of its request.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_MISSING = object()


class _ThreadState(threading.local):
    """Per thread: converted object's id -> attribute name -> value, and loose notes by name."""

    def __init__(self) -> None:
        self.attributes: dict[int, dict[str, Any]] = {}
        self.notes: dict[str, Any] = {}


_state = _ThreadState()
#: Converted objects are kept alive, so that an id is never used twice.
_converted: dict[int, object] = {}
_classes: dict[type, type] = {}


def forget_render_state() -> None:
    """Drop all this thread remembers of past renders. To be called at the end of each request."""
    _state.attributes = {}
    _state.notes = {}


@contextmanager
def isolated_render_state() -> Iterator[None]:
    """Render inside without seeing or changing what an outer render on this thread remembers."""
    outer = _state.attributes, _state.notes
    forget_render_state()
    try:
        yield
    finally:
        _state.attributes, _state.notes = outer


def note(name: str, value: Any) -> None:
    """Remember `value` on this thread until the request ends."""
    _state.notes[name] = value


def noted(name: str) -> Any:
    """What this thread noted under `name` in this request, or None."""
    return _state.notes.get(name)


class _PerThreadAttribute:
    """One attribute of a converted object: this thread's value, else what it was before.

    A data descriptor, because it must win over the instance's own ``__dict__``, where the value
    from before the conversion stays as everybody's default.
    """

    def __init__(self, name: str, inherited: Any) -> None:
        self._name = name
        self._inherited = inherited

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self._or_error(self._inherited, owner)
        value = _state.attributes.get(id(instance), {}).get(self._name, _MISSING)
        if value is _MISSING:
            value = instance.__dict__.get(self._name, self._inherited)
        return self._or_error(value, type(instance))

    def __set__(self, instance: Any, value: Any) -> None:
        _state.attributes.setdefault(id(instance), {})[self._name] = value

    def __delete__(self, instance: Any) -> None:
        _state.attributes.get(id(instance), {}).pop(self._name, None)

    def _or_error(self, value: Any, owner: type | None) -> Any:
        if value is _MISSING:
            raise AttributeError(f"{owner!r} object has no attribute {self._name!r}")
        return value


def _set_per_thread(self: Any, name: str, value: Any) -> None:
    """``__setattr__`` of converted objects: whatever is assigned becomes per thread."""
    cls = type(self)
    if not isinstance(cls.__dict__.get(name), _PerThreadAttribute):
        setattr(cls, name, _PerThreadAttribute(name, getattr(cls, name, _MISSING)))
    object.__setattr__(self, name, value)


def _per_thread_class(cls: type) -> type:
    if cls not in _classes:
        body = {
            "__setattr__": _set_per_thread,
            "__module__": cls.__module__,
            "__doc__": cls.__doc__,
        }
        _classes[cls] = type(cls.__name__, (cls,), body)
    return _classes[cls]


def keep_per_thread(instance: Any) -> None:
    """Convert `instance` in place: attributes assigned from now on are this thread's alone.

    What it holds already stays as the default every thread starts from. Converting twice does
    nothing. Works on instances of ordinary Python classes without ``__slots__``.
    """
    if id(instance) in _converted:
        return
    instance.__class__ = _per_thread_class(type(instance))
    _converted[id(instance)] = instance
