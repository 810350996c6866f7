"""Whatever a reader may type or click in the documents is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from unittest.mock import create_autospec

import click
import pytest
from click.testing import CliRunner

import auto_voice.audio
import auto_voice.inference.singing_conversion_pipeline as pipeline
import auto_voice.inference.voice_cloner as cloner
from auto_voice.cli import autovoice
from documents import DOCUMENTS, ROOT, code_blocks, commands, linked_files

README = ROOT / "README.md"
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def shown(program: str) -> list[str]:
    """Every command line of a program in every document; `…` stands for what the reader fills in."""
    lines = {line for document in DOCUMENTS for line in commands(document)}
    return sorted(line for line in lines if line.startswith(f"{program} ") and "…" not in line)


@pytest.mark.parametrize("line", shown("autovoice"))
def test_every_autovoice_command_shown_is_one(line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Groups, commands, arguments and options are parsed as always; the commands themselves do nothing."""
    monkeypatch.setattr(click.Command, "invoke", lambda command, context: None)
    monkeypatch.setattr(click.Path, "convert", lambda kind, value, parameter, context: value)  # it need not be there
    monkeypatch.chdir(tmp_path)
    outcome = CliRunner().invoke(autovoice, shlex.split(line)[1:])
    assert outcome.exit_code == 0, outcome.output


@pytest.mark.parametrize("line", shown("make"))
def test_every_make_target_shown_is_one(line: str) -> None:
    wanted = [word for word in shlex.split(line)[1:] if "=" not in word]
    assert set(wanted) <= TARGETS


def test_the_readme_shows_every_command() -> None:
    words = {line.split()[1] for line in commands(README) if line.startswith("autovoice ")}
    aliases = {"voice-clone", "demo"}  # one is clone by another name, the other is `make demo`
    assert set(autovoice.list_commands(click.Context(autovoice))) - aliases <= words


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_linked_file_exists(document: Path) -> None:
    missing = [link for link in linked_files(document) if not (document.parent / link).exists()]
    assert not missing


def test_the_python_example_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """On stand-ins that take exactly the arguments that the real ones take."""
    [example] = [code for code in code_blocks(README, "python") if "auto_voice" in code]
    profile = cloner.VoiceProfile.model_construct(profile_id="me")
    result = create_autospec(pipeline.ConversionResult, instance=True)
    result.mixed_audio = "the song"
    result.quality_metrics, result.warnings = {"overall_quality_score": 0.9}, []
    make_cloner, make_pipeline, write = (
        create_autospec(each)
        for each in (cloner.VoiceCloner, pipeline.SingingConversionPipeline, auto_voice.audio.write)
    )
    make_cloner.return_value.create_voice_profile.return_value = profile
    make_pipeline.return_value.convert_song.return_value = result
    monkeypatch.setattr(cloner, "VoiceCloner", make_cloner)
    monkeypatch.setattr(pipeline, "SingingConversionPipeline", make_pipeline)
    monkeypatch.setattr(auto_voice.audio, "write", write)

    exec(compile(example, str(README), "exec"), {})

    make_pipeline.return_value.convert_song.assert_called_once_with("song.mp3", "me")
    write.assert_called_once_with("song in my voice.flac", "the song")
