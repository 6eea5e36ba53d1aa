"""Contents of blobs in memory: immutable, so never stale; bounded for the whole process."""

from __future__ import annotations

import threading
from collections import OrderedDict

DEFAULT_SIZE_BYTES = 96 * 1024 * 1024
_LARGEST_SHARE = 16  # a blob larger than 1/16 of the cache is not kept


class BlobCache:
    """Least recently used contents by (repository, blob id). Safe for threads."""

    def __init__(self, size_bytes: int = DEFAULT_SIZE_BYTES) -> None:
        self._size_bytes = size_bytes
        self._used_bytes = 0
        self._contents: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, repository: str, blob_id: str) -> bytes | None:
        """The content, or None when it is not kept."""
        key = (repository, blob_id)
        with self._lock:
            content = self._contents.get(key)
            if content is not None:
                self._contents.move_to_end(key)
            return content

    def put(self, repository: str, blob_id: str, content: bytes) -> None:
        """Keep `content`, dropping what was used least recently."""
        if len(content) > self._size_bytes // _LARGEST_SHARE:
            return
        key = (repository, blob_id)
        with self._lock:
            if key in self._contents:
                return
            self._contents[key] = content
            self._used_bytes += len(content)
            while self._used_bytes > self._size_bytes:
                _, dropped = self._contents.popitem(last=False)
                self._used_bytes -= len(dropped)

    def forget(self, repository: str) -> None:
        """Drop everything of one repository (it was deleted)."""
        with self._lock:
            for key in [key for key in self._contents if key[0] == repository]:
                self._used_bytes -= len(self._contents.pop(key))

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._contents.clear()
            self._used_bytes = 0


#: The process's cache.
blobs = BlobCache()
