"""Modules of Otterwiki as they are without us, to compare with."""

from __future__ import annotations

import importlib.util
from types import ModuleType


def untouched(module: ModuleType) -> ModuleType:
    """`module`, executed again beside the real one: its classes are those upstream wrote.

    What it takes from other modules of Otterwiki is what they hold now.
    """
    name = module.__name__.rpartition(".")[2]
    spec = importlib.util.spec_from_file_location(f"otterwiki.untouched_{name}", module.__file__)
    if spec is None or spec.loader is None:
        raise ImportError(f"{module.__file__} can't be loaded again")
    again = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(again)
    return again
