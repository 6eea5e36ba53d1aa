"""Values in memory up to a number of bytes: what was used least recently is dropped first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")
_LARGEST_SHARE = 4  # a value larger than a quarter of the cache is not kept
_OVERHEAD_BYTES = 400  # of an entry: its key, its place in the dictionary, small objects


class SizedCache(Generic[_Key, _Value]):
    """At most `size_bytes` of values by key. Safe for threads.

    Values are shared by everybody who asks for them: they must not be changed.
    """

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._largest_bytes = size_bytes // _LARGEST_SHARE
        self._used_bytes = 0
        self._kept: OrderedDict[_Key, tuple[_Value, int]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def used_bytes(self) -> int:
        """What the values take together, as estimated by those who put them here."""
        return self._used_bytes

    def get(self, key: _Key) -> _Value | None:
        """The value, or None when it is not kept."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def put(self, key: _Key, value: _Value, size_bytes: int) -> None:
        """Keep `value`, which takes about `size_bytes`, in place of what was there."""
        size_bytes += _OVERHEAD_BYTES
        with self._lock:
            before = self._kept.pop(key, None)
            if before is not None:
                self._used_bytes -= before[1]
            if size_bytes > self._largest_bytes:
                return
            self._kept[key] = (value, size_bytes)
            self._used_bytes += size_bytes
            while self._used_bytes > self._size_bytes:
                _, (_, dropped_bytes) = self._kept.popitem(last=False)
                self._used_bytes -= dropped_bytes

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._kept.clear()
            self._used_bytes = 0

    def __len__(self) -> int:
        return len(self._kept)
