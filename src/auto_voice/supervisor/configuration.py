"""The configuration as it reaches every process of the service: files by name, everything else by environment."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from auto_voice.config import FILES_VARIABLE, Settings, configured_files, load_settings


@dataclass(frozen=True)
class Configuration:
    """Where settings come from, so that they can be read again.

    Attributes:
        files: configuration files, later ones win.
        environment: of this process and of those it starts.
    """

    files: tuple[Path, ...]
    environment: Mapping[str, str]

    @classmethod
    def of(cls, files: Sequence[Path] = (), *, host: str | None = None, port: int | None = None) -> Configuration:
        """These files, or else those that AUTOVOICE_CONFIG names; `host` and `port` win over them."""
        # Processes may run in another folder, so names must not depend on it.
        absolute = tuple(each.expanduser().absolute() for each in (files or configured_files()))
        chosen = {"AUTOVOICE__SERVER__HOST": host, "AUTOVOICE__SERVER__PORT": None if port is None else str(port)}
        return cls(
            files=absolute,
            environment={
                **os.environ,
                **{name: value for name, value in chosen.items() if value is not None},
                FILES_VARIABLE: os.pathsep.join(map(str, absolute)),
            },
        )

    def load(self) -> Settings:
        """The settings as they are now.

        Raises:
            SettingsError: they are not valid; lists every problem.
        """
        return load_settings(self.files, self.environment)
