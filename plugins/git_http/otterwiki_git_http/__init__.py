"""Cloning a wiki with git, as an Otterwiki plugin: `/repo.git` over smart HTTP, for reading only.

Layers, imports go down only: routes (the only module that knows Flask) - answering (one request) -
negotiation, contents, packs - objects (dulwich).
"""
