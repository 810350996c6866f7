"""The `autovoice` command: one file a command, loaded only when it is used.

Exit codes: 0 done · 1 unexpected error · 2 wrong usage · 3 bad input · 4 bad configuration ·
5 a stage failed · 6 a model is missing or broken · 7 out of memory · 8 the data folder cannot be used ·
9 the service cannot do it now · 10 a file was changed since it was signed · 11 somebody else signed it ·
12 it is not signed · 130 interrupted.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click

from auto_voice import __version__
from auto_voice.cli.failures import GuardedGroup
from auto_voice.cli.session import Session


class _Command(NamedTuple):
    module: str
    attribute: str
    summary: str


# The listing of `autovoice --help` stands here, so that showing it imports no command.
_COMMANDS = {
    "serve": _Command("serve", "serve", "Run the service: web interface, API and workers."),
    "worker": _Command("worker", "worker", "Run workers alone, for a service whose web processes run elsewhere."),
    "demo": _Command("demo", "demo", "Clone a voice and convert a song, on material made on the spot."),
    "convert": _Command("convert", "convert", "Convert songs into a cloned voice."),
    "clone": _Command("clone", "clone", "Make a voice profile from recordings."),
    "voice-clone": _Command("clone", "clone", "The same as clone."),
    "speak": _Command("speak", "speak", "Read text aloud in a stock or a cloned voice."),
    "separate": _Command("separate", "separate", "Take a song apart into vocals and accompaniment."),
    "quality": _Command("quality", "quality", "Score a conversion."),
    "profiles": _Command("profiles", "profiles", "List, show, adapt, delete, export and import voice profiles."),
    "verify": _Command("verify", "verify", "Tell whether a file is what AutoVoice made and signed."),
    "keys": _Command("keys", "keys", "Create, list and revoke the keys to the service."),
    "users": _Command("users", "users", "List, disable and enable the users of the service."),
    "audit": _Command("audit", "audit", "Show who did what that matters for the service's security."),
    "models": _Command("models", "models", "List, fetch, verify, export and import model weights."),
    "train": _Command("train", "train", "Make training data and train the networks AutoVoice ships."),
    "config": _Command("config", "config", "Show and check the configuration."),
    "doctor": _Command("doctor", "doctor", "Say what is installed, what is missing, and the remedy."),
}


class _LazyGroup(GuardedGroup):
    """A group whose commands are imported when they are asked for, so that `--help` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        found = _COMMANDS.get(cmd_name)
        if found is None:
            return None
        module = importlib.import_module(f"auto_voice.cli.{found.module}")
        command: click.Command = getattr(module, found.attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.summary) for name, command in _COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config_files",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    envvar="AUTOVOICE_CONFIG",
    help="Configuration file; may repeat, later files win. Else the variable AUTOVOICE_CONFIG names them.",
)
@click.option("-v", "--verbose", is_flag=True, help="Show what happens, and tracebacks of errors.")
@click.version_option(__version__, prog_name="autovoice")
@click.pass_context
def autovoice(ctx: click.Context, config_files: tuple[Path, ...], verbose: bool) -> None:
    """A self-hosted voice studio: a song in, the same song out in your own voice.

    Exit codes: 0 done, 1 unexpected error, 2 wrong usage, 3 bad input, 4 bad configuration, 5 a stage failed,
    6 a model is missing, 7 out of memory, 8 the data folder cannot be used, 9 the service cannot do it now,
    10 a file was changed since it was signed, 11 somebody else signed it, 12 it is not signed, 130 interrupted.
    """
    ctx.obj = Session(config_files=config_files, verbose=verbose)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; ends the process with the documented exit code."""
    autovoice.main(args=arguments, prog_name="autovoice")
