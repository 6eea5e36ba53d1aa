"""Many wikis in one Otterwiki: registry, host names, the current wiki, identity, access.

The package makes the objects a plugin is handed (``app.config``, ``db.session``, the engine's
current wiki) mean "the wiki of this request". Plugins stay unaware of it.
"""
