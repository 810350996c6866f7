"""The catalogue: complete, well formed, and pinned."""

from __future__ import annotations

import re

import pytest

from auto_voice.errors import InvalidParametersError
from auto_voice.models.catalogue import ModelEntry, load_catalogue, parse_models, select
from auto_voice.models.steps import STEPS

CATALOGUE = load_catalogue()
EVERY_MODEL = pytest.mark.parametrize("entry", CATALOGUE.values(), ids=list(CATALOGUE))


def test_has_the_models_that_the_stages_ask_for() -> None:
    embedded = {model_id for model_id, entry in CATALOGUE.items() if entry.embedded}
    assert embedded == {
        "spleeter-2stems",
        "fcpe",
        "whisper-base",
        "ge2e",
        "kokoro-82m",
        "kokoro-voices",
        "dnsmos",
        "distillmos",
        "silero-vad",
    }
    assert set(CATALOGUE) - embedded == {"htdemucs", "htdemucs_ft", "voicefilter-dvector"}
    assert len(CATALOGUE["kokoro-voices"].files) == 54


@EVERY_MODEL
def test_every_file_is_pinned_and_served(entry: ModelEntry) -> None:
    for file in entry.files:
        assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
        assert file.size > 0
        assert any(source.serves(file) for source in entry.sources)


@EVERY_MODEL
def test_every_source_is_pinned(entry: ModelEntry) -> None:
    for source in entry.sources:
        if source.kind == "https":
            assert source.url.startswith("https://")
            assert not re.search(r"/(main|master|latest)/", source.url)
        for part in source.parts:
            assert re.search(r"==\d" if source.kind == "wheel" else r"@\d", part.package)


@EVERY_MODEL
def test_an_embedded_model_can_be_had_without_a_hub(entry: ModelEntry) -> None:
    without_hub = [source for source in entry.sources if source.kind != "https"]
    for file in entry.files if entry.embedded else ():
        assert any(source.serves(file) for source in without_hub)


@EVERY_MODEL
def test_derived_files_have_a_step_that_exists(entry: ModelEntry) -> None:
    assert (entry.step in STEPS) == bool(entry.derived)


def test_an_unknown_id_is_answered_with_the_nearest() -> None:
    with pytest.raises(InvalidParametersError, match="did you mean 'htdemucs'"):
        select(CATALOGUE, ["htdemuc"])


@pytest.mark.parametrize("name", ["../x", "/x", "a/b", ".hidden", ""])
def test_names_that_would_leave_the_folder_are_refused(name: str) -> None:
    file = {"name": name, "sha256": "0" * 64, "size": 1}
    table = {"purpose": "", "licence": "", "embedded": True, "files": [file], "sources": []}
    with pytest.raises(ValueError, match="cannot be the name"):
        parse_models({"tiny": table})
