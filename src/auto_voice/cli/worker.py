"""`autovoice worker`."""

from __future__ import annotations

from pathlib import Path

import click

from auto_voice.cli.session import current_session


@click.command()
@click.option(
    "--count", type=click.IntRange(1, 1024), help="How many workers; as many as the settings say when not given."
)
@click.option(
    "--config",
    "files",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Configuration file, on top of those given to autovoice itself; may repeat, later files win.",
)
def worker(count: int | None, files: tuple[Path, ...]) -> None:
    """Run workers alone, for a service whose web processes run elsewhere; SIGTERM or Ctrl-C stops them.

    They need the same data folder and database as the web processes.
    """
    from auto_voice.monitoring.logs import configure_logging
    from auto_voice.supervisor.configuration import Configuration
    from auto_voice.supervisor.run import Supervisor

    supervisor = Supervisor(Configuration.of((*current_session().config_files, *files)), web=False, workers=count)
    supervisor.check()
    configure_logging(supervisor.settings, "supervisor")
    supervisor.run()
