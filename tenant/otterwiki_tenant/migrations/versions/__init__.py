"""The registry's revisions, oldest first by number."""
