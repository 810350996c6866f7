"""The doors through which strangers' material comes in, each as a function that says how it was refused.

Every door runs the product itself; only the engines behind it are simple ones, as most material never gets so far.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner, Result

from auto_voice import plugins
from auto_voice.cli import autovoice
from auto_voice.config import Settings, load_settings
from auto_voice.errors import AutoVoiceError
from auto_voice.inference.pipeline import engines
from auto_voice.inference.singing_conversion_pipeline import SingingConversionPipeline
from auto_voice.inference.voice_cloner import VoiceCloner
from auto_voice.profiles import ProfileStore
from simple_engines import LevelContent, MiddleSeparator, SpectralPeakPitch, TurningConverter, make_profile

_CACHED = re.compile(r"[0-9a-f]{64}\.safetensors")
_ENGINES = {"separators": MiddleSeparator, "pitch": SpectralPeakPitch, "converters": TurningConverter}


class Refusal(NamedTuple):
    """How something was turned away; (None, 0) when it was not."""

    code: str | None
    http_status: int


class House:
    """An installation in a folder of its own, with a voice called Ada, simple engines, and no weights."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AUTOVOICE__STORAGE__DATA_DIR", str(folder / "data"))
        monkeypatch.setenv("AUTOVOICE__STORAGE__MODELS_DIR", str(folder / "no-models"))
        monkeypatch.setenv("TMPDIR", str(folder / "tmp"))
        (folder / "tmp").mkdir()
        (folder / "out").mkdir()
        create = plugins.create
        monkeypatch.setattr(
            plugins, "create", lambda group, *rest: _ENGINES[group]() if group in _ENGINES else create(group, *rest)
        )
        monkeypatch.setattr(engines, "_content", lambda runtime: LevelContent())
        self.folder = folder
        self.out = folder / "out"
        self.settings: Settings = load_settings(environment=os.environ)
        self.store = ProfileStore(self.settings)
        self.voice = make_profile(self.settings).profile_id

    def files(self) -> dict[str, int]:
        """Every file but locks and whole cache entries, with its size; a refusal leaves them as they were."""
        return {
            str(path.relative_to(self.folder)): path.stat().st_size
            for path in self.folder.rglob("*")
            if path.is_file() and path.name != ".lock" and not _CACHED.fullmatch(path.name)
        }

    def run(self, *arguments: str | Path) -> Result:
        """The command line."""
        return CliRunner().invoke(autovoice, [str(argument) for argument in arguments])

    def convert(self, path: Path) -> Refusal:
        return refusal(lambda: SingingConversionPipeline(self.settings).convert_song(path, self.voice))

    def convert_bytes(self, path: Path) -> Refusal:
        return refusal(lambda: SingingConversionPipeline(self.settings).convert_song(path.read_bytes(), self.voice))

    def clone(self, path: Path) -> Refusal:
        return refusal(lambda: VoiceCloner(settings=self.settings).create_voice_profile(path))

    def clone_from_song(self, path: Path) -> Refusal:
        cloner = VoiceCloner(settings=self.settings)
        return refusal(lambda: cloner.create_voice_profile(path, separate_vocals=True))

    def convert_command(self, path: Path) -> Refusal:
        return told(self.run("convert", path, "--voice", "Ada", "-o", self.out / "x.wav", "--stems", "--json"))

    def dry_command(self, path: Path) -> Refusal:
        return told(self.run("convert", path, "--voice", "Ada", "-o", self.out / "x.wav", "--no-separation", "--json"))

    def separate_command(self, path: Path) -> Refusal:
        return told(self.run("separate", path, "-o", self.out, "--json"))

    def clone_command(self, path: Path) -> Refusal:
        return told(self.run("clone", path, "--name", "Eve", "--json"))

    def quality_command(self, path: Path) -> Refusal:
        return told(self.run("quality", path, path, "--report", self.out / "x.html", "--json"))


def refusal(work: Callable[[], object]) -> Refusal:
    """How `work` was refused; any error that is none of ours goes through and fails the test."""
    try:
        work()
    except AutoVoiceError as error:
        assert error.message
        # What is wrong with a parameter says what would be right; how to list the profiles each door says itself.
        named = error.code in ("invalid_parameters", "profile_not_found")
        assert error.suggestions or named, f"no remedy for: {error.message}"
        return Refusal(error.code, error.http_status)
    return Refusal(None, 0)


def told(result: Result) -> Refusal:
    """The same of a command run with --json; its exit code and messages are checked on the way."""
    assert "Traceback" not in result.output
    document = json.loads(result.stdout)
    if result.exit_code == 0:
        return Refusal(None, 0)
    error = next(kind for kind in _all_errors(AutoVoiceError) if kind.code == document["code"])
    assert result.exit_code == error.exit_code
    assert document["message"] in result.stderr
    return Refusal(document["code"], error.http_status)


def _all_errors(base: type[AutoVoiceError]) -> list[type[AutoVoiceError]]:
    return [base, *(error for child in base.__subclasses__() for error in _all_errors(child))]
