"""`robot web` and `robot serve`: the commands that stay."""

from __future__ import annotations

import socket
import sys

import click

from otterwiki_robot.installation import Installation
from otterwiki_robot.log import configure_logging
from otterwiki_robot.server import run_web
from otterwiki_robot.settings import Settings, inherited_environment
from otterwiki_robot.supervisor import PARTS, Supervisor

from .output import answer, json_option

_MORE_TO_STOP_SECONDS = 10  # what a part gets beyond its own time for ending requests


@click.command("web")
@json_option
@click.pass_obj
def web(installation: Installation, as_json: bool) -> None:
    """Serve wikis and root host with Gunicorn until told to stop."""
    settings = installation.settings
    configure_logging(settings.log_level)
    installation.clean_up()
    installation.close()  # what was opened here must not be shared with the workers
    answer(as_json, {"url": settings.root_url})
    run_web(settings)


@click.command("serve")
@json_option
@click.pass_obj
def serve(installation: Installation, as_json: bool) -> None:
    """Run all parts of the farm under one supervisor until told to stop."""
    settings = installation.settings
    configure_logging(settings.log_level)
    _ = installation.farm  # says what is missing, before anything is started
    installation.close()
    check_port_is_free(settings)
    answer(as_json, {"url": settings.root_url, "parts": [part.name for part in PARTS]})
    supervisor = Supervisor(
        PARTS,
        [sys.executable, "-m", "otterwiki_robot"],
        inherited_environment(),
        stop_seconds=settings.web_timeout_seconds + _MORE_TO_STOP_SECONDS,
    )
    sys.stdout.flush()
    sys.exit(supervisor.run())


def check_port_is_free(settings: Settings) -> None:
    """Fail with one line where another program listens already."""
    family = socket.AF_INET6 if ":" in settings.web_host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.web_host, settings.web_port))
        except OSError as error:
            raise click.ClickException(
                f"{settings.web_host} port {settings.web_port} can't be used"
                f" ({error.strerror}): stop what listens there, or set ROBOT_WEB_PORT"
            ) from None


COMMANDS: tuple[click.Command, ...] = (serve, web)
