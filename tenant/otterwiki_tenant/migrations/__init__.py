"""Alembic's environment and revisions of the registry; run by ``otterwiki_tenant.database``."""
