#!/usr/bin/env python3
"""Fetch the models that AutoVoice needs: `autovoice models fetch`, with a check of the version."""

from __future__ import annotations

import argparse

from auto_voice import __version__
from auto_voice.cli import main
from auto_voice.models.catalogue import catalogue_version


def run() -> None:
    """Parse the command line and fetch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", help="the release, or the version of the model catalogue, you expect to get")
    parser.add_argument("--config", action="append", default=[], help="configuration file; may repeat")
    parser.add_argument("--force", action="store_true", help="fetch again what is installed")
    options = parser.parse_args()
    here = (__version__, catalogue_version())
    if options.version and options.version.removeprefix("v") not in here:
        parser.error(
            f"this installation is AutoVoice {here[0]} with the models of catalogue {here[1]}, "
            f"not {options.version}; install that release first"
        )
    config = [word for file in options.config for word in ("--config", file)]
    main([*config, "models", "fetch", *(["--force"] if options.force else [])])


if __name__ == "__main__":
    run()
