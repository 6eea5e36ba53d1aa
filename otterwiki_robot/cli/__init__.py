"""The command `robot`.

Each command answers in words or, with --json, with one JSON document, and fails with one line on
stderr and an exit code: 1 refused or failed, 2 called or configured wrongly.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

import click
from sqlalchemy.exc import SQLAlchemyError

from otterwiki_engine.errors import EngineError
from otterwiki_robot import __version__
from otterwiki_robot.installation import Installation
from otterwiki_robot.log import configure_logging
from otterwiki_robot.settings import BadSetting, read_settings
from otterwiki_robot.transfer.errors import TransferRefused
from otterwiki_tenant.errors import TenantError

from .acl_commands import COMMANDS as ACL_COMMANDS
from .audit_commands import COMMANDS as AUDIT_COMMANDS
from .farm_commands import COMMANDS as FARM_COMMANDS
from .reindex_commands import COMMANDS as REINDEX_COMMANDS
from .serving import COMMANDS as SERVING_COMMANDS
from .token_commands import COMMANDS as TOKEN_COMMANDS
from .user_commands import COMMANDS as USER_COMMANDS
from .wiki_commands import COMMANDS as WIKI_COMMANDS

_log = logging.getLogger(__name__)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="robot")
@click.pass_context
def cli(context: click.Context) -> None:
    """A farm of wikis: set it up, run it, and look after its people and wikis.

    Settings are environment variables; `robot settings` lists them.
    """
    settings = read_settings()
    configure_logging(settings.log_level if settings.log_level == "DEBUG" else "WARNING")
    context.obj = Installation(settings)
    context.call_on_close(context.obj.close)


for _command in (
    *FARM_COMMANDS,
    *SERVING_COMMANDS,
    *USER_COMMANDS,
    *WIKI_COMMANDS,
    *ACL_COMMANDS,
    *TOKEN_COMMANDS,
    *AUDIT_COMMANDS,
    *REINDEX_COMMANDS,
):
    cli.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; always raises SystemExit."""
    try:
        result = cli.main(args=arguments, prog_name="robot", standalone_mode=False)
        sys.exit(result if isinstance(result, int) else 0)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(2)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "robot"
        _fail(f"{error.format_message()} (see: {command} --help)", 2)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except click.Abort:
        _fail("stopped; nothing more was done", 130)
    except BadSetting as error:
        _fail(str(error), 2)
    except (TransferRefused, TenantError, EngineError) as error:
        _fail(str(error), 1)
    except SQLAlchemyError as error:
        _fail(f"the registry can't be used: {error.args[0] if error.args else error}", 1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}", 1)


def _fail(message: str, exit_code: int) -> None:
    """Say why in one line and leave; a database's long story ends before its SQL."""
    message = message.partition("\n[SQL:")[0]
    _log.debug("command failed", exc_info=True)
    click.echo("robot: " + " ".join(message.split()), err=True)
    sys.exit(exit_code)
