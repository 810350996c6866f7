"""`autovoice serve`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auto_voice.cli.output import say
from auto_voice.cli.session import current_session

if TYPE_CHECKING:
    from auto_voice.config import Settings


@click.command()
@click.option("--host", metavar="ADDRESS", help="Address to listen on, in place of server.host.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on, in place of server.port.")
@click.option(
    "--config",
    "files",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Configuration file, on top of those given to autovoice itself; may repeat, later files win.",
)
def serve(host: str | None, port: int | None, files: tuple[Path, ...]) -> None:
    """Run the service: web interface, API and workers, until SIGTERM or Ctrl-C.

    It stops without losing work: what is unfinished goes on at the next start. SIGHUP reads the configuration again.
    """
    from auto_voice.monitoring.logs import configure_logging
    from auto_voice.supervisor.configuration import Configuration
    from auto_voice.supervisor.run import Supervisor

    given = (*current_session().config_files, *files)
    configuration = Configuration.of(given, host=host, port=port)
    supervisor = Supervisor(configuration)
    supervisor.check()
    configure_logging(supervisor.settings, "supervisor")
    for line in _greeting(supervisor.settings, given):
        say(line)
    supervisor.run()


def _greeting(settings: Settings, files: tuple[Path, ...]) -> list[str]:
    """What somebody wants to know who starts it for the first time."""
    server = settings.server
    host = f"[{server.host}]" if ":" in server.host else server.host
    if settings.security.api_key_required:
        same = [word for file in files for word in ("--config", str(file))]  # else the key is another database's
        keys = (
            f"API keys are needed: `{shlex.join(['autovoice', *same, 'keys', 'create'])} --help` tells how to make one."
        )
    else:
        keys = "No API key is needed: everybody who reaches this address may use it."
    return [
        f"AutoVoice: http://{host}:{server.port}/ (the API: /docs). Ctrl-C stops it.",
        f"Data folder: {settings.storage.data_dir}",
        keys,
    ]
