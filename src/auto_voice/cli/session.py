"""What every command shares: the configuration it was started with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from auto_voice.config import Settings


@dataclass
class Session:
    """One run of the command line.

    Attributes:
        config_files: files of `--config`, the last one wins.
        verbose: show tracebacks.

    """

    config_files: tuple[Path, ...] = ()
    verbose: bool = False

    @cached_property
    def settings(self) -> Settings:
        """The merged settings, read when first asked for (`autovoice --help` reads no file)."""
        from auto_voice.config import load_settings

        return load_settings(self.config_files)


def current_session() -> Session:
    """The session of the running command; one with the defaults when a command is run without its group."""
    context = click.get_current_context()
    session = context.find_object(Session)
    if session is None:
        session = context.obj = Session()
    return session


def current_settings() -> Settings:
    """Settings of the running command."""
    return current_session().settings
