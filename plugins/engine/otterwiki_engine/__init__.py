"""One Otterwiki, safe under threads, processes and crashes.

The package keeps a wiki in a git repository (:mod:`.repository`), derives an index from its history
(:mod:`.history`) and stands in for the objects of Otterwiki that cannot survive concurrency
(:mod:`.standins`). It knows no tenants and no users.
"""
