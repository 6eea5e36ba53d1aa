"""The REST API of a wiki, `/api/v1`, on top of the engine's page service.

:mod:`.routes` is the one table of what there is: permission check, OpenAPI document and the page
for people are made from it. :mod:`.web` is what knows Flask.
"""

__version__ = "0.1.0"
