"""The root host's own stylesheet and script, beside Otterwiki's."""

from __future__ import annotations

import hashlib
from pathlib import Path

from flask import Flask, Response, send_from_directory, url_for

ENDPOINT = "own_file"


def install(app: Flask) -> None:
    """Serve them, and let templates name them: ``own_file("account.css")``.

    The address changes with the content, so that a browser's cache never mixes two versions.
    """
    folder = Path(app.root_path) / "static"
    digests = {
        item.name: hashlib.sha256(item.read_bytes()).hexdigest()[:12]
        for item in folder.iterdir()
        if item.is_file()
    }

    @app.get("/static/robot/<path:filename>", endpoint=ENDPOINT)
    def serve(filename: str) -> Response:
        return send_from_directory(folder, filename, max_age=app.get_send_file_max_age(filename))

    @app.template_global("own_file")
    def own_file(name: str) -> str:
        return url_for(ENDPOINT, filename=name, v=digests[name])
