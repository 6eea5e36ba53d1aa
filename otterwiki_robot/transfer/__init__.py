"""Bringing a history into a wiki and taking one out: `robot wiki import` and `robot wiki export`.

An import is fetched into a private repository, checked there in whole, and only then brought into
the wiki in one compare-and-swap; whatever goes wrong before leaves the wiki as it was.
"""
