"""The composition root of the wiki farm: settings, wiring, web entry, root host and command line.

Everything a wiki or a tenant *is* lives in the layers below (``otterwiki_engine``,
``otterwiki_tenant``, the plugins). This package only puts them together for one installation.
"""

from __future__ import annotations

from importlib.metadata import version

__version__ = version("otterwiki-robot")
