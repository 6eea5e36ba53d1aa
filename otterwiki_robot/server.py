"""`robot web`: the WSGI application under Gunicorn, threaded workers, no preloading.

Each worker builds the application after it was forked, so that database connections, repositories
and locks belong to one process only.
"""

from __future__ import annotations

import logging
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from .settings import Settings
from .wsgi_types import WSGIApp


class _Log(Logger):
    """Gunicorn's own messages, sent through this process's logging instead of its own files."""

    def setup(self, cfg: Any) -> None:
        """Take the handlers of the root logger; requests are logged by the application itself."""
        self.cfg = cfg
        self.loglevel = logging.getLogger().level
        self.error_log.propagate = True
        self.error_log.setLevel(logging.NOTSET)
        self._access_log_enabled = False


class WebServer(BaseApplication):
    """Gunicorn configured from our settings only: no configuration file, no GUNICORN_CMD_ARGS."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Turn the settings into Gunicorn's."""
        host = self._settings.web_host
        address = f"[{host}]" if ":" in host else host
        options: dict[str, Any] = {
            "bind": [f"{address}:{self._settings.web_port}"],
            "worker_class": "gthread",
            "workers": self._settings.web_workers,
            "threads": self._settings.web_threads,
            "timeout": self._settings.web_timeout_seconds,
            "graceful_timeout": self._settings.web_timeout_seconds,
            "preload_app": False,
            "logger_class": _Log,
            "control_socket_disable": True,
            # The scheme is a setting of ours, and nothing is believed because a proxy said so.
            "forwarded_allow_ips": "",
            "secure_scheme_headers": {},
            "header_map": "drop",
            "forwarder_headers": "",
            "limit_request_line": 8190,
            # Another wiki's page may fill a browser with 180 cookies of 4 KB. Who has them must be
            # answered, to be told to forget them. Caddy passes on no more than a megabyte.
            "limit_request_field_size": 760_000,
            "proc_name": "robot-web",
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> WSGIApp:
        """Build the application; called in each worker."""
        import gunicorn.http.wsgi

        from .wsgi import create_application  # in the worker: it starts Otterwiki

        gunicorn.http.wsgi.SERVER = "web"  # no setting keeps it from naming itself

        return create_application(self._settings)


def run_web(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; raises SystemExit when the server can't run."""
    WebServer(settings).run()
