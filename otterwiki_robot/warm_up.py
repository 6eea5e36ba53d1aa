"""Work a worker does before its first request, so that no visitor waits for it."""

from __future__ import annotations

from flask import Flask

from otterwiki_tenant.farm import Farm

_MARKDOWN = """# Title

*one* `two` [three](/four)

```python
five = 6
```
"""


def warm_up(farm: Farm, app: Flask) -> None:
    """Load the signing key, reach the registry, compile templates, render a first text.

    No wiki is active meanwhile. To be called once Otterwiki is loaded.
    """
    from otterwiki.server import app_renderer

    farm.admit("", None)  # reads the registry and loads the key, as every request does
    for name in app.jinja_env.list_templates(extensions=["html"]):
        app.jinja_env.get_template(name)
    app_renderer.markdown(_MARKDOWN)
