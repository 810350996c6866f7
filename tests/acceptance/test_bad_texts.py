"""Texts that are none, endless, or in everything at once; and settings of the voice that make no sense."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from auto_voice.audio import Audio
from auto_voice.config import Settings
from auto_voice.errors import InvalidParametersError, ProfileNotFoundError
from auto_voice.inference.engine import LONGEST_WHOLE, TTSEngine
from auto_voice.inference.speech.text.sentences import pieces
from auto_voice.inference.synthesis import KokoroSynthesizer
from auto_voice.models.runtime import ModelRuntime
from doors import House, Refusal, refusal, told

INVALID = Refusal("invalid_parameters", 400)
MIXED = "Hello мир, 你好 again! 😀 Ørsted drank 3 cafés at ½ price. \udcff\x00 שלום. Straße."

UNREADABLE = {
    "empty": "",
    "blanks": " \n\t ",
    "emoji": "😀🎉👩‍🎤",
    "100,000 emoji": "😀" * 100_000,
    "100,000 Cyrillic letters": "Привет! " * 12_500,
    "punctuation": "?!… -- ()" * 1000,
    "control characters": "\x00\x07\x1b[31m\udcff"[:2],
    "phonetic signs": "ʘǃ",
    "an open bracket, again and again": "[(<" * 30_000,
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_refused_soon(settings: Settings, name: str) -> None:
    engine = TTSEngine(settings)
    begin = time.monotonic()
    for speak in (engine.synthesize, engine.stream):
        assert refusal(lambda: speak(UNREADABLE[name])) == INVALID  # noqa: B023 - called at once
    assert time.monotonic() - begin < 20


@pytest.mark.parametrize("name", [name for name in UNREADABLE if len(UNREADABLE[name]) < 10_000])
@pytest.mark.parametrize("way", ["argument", "file"])
def test_the_command_refuses_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, way: str) -> None:
    house = House(tmp_path, monkeypatch)
    (tmp_path / "text.txt").write_text(UNREADABLE[name])
    text = [UNREADABLE[name]] if way == "argument" else ["--file", tmp_path / "text.txt"]
    assert told(house.run("speak", *text, "-o", house.out / "x.wav", "--json")) == INVALID
    assert list(house.out.iterdir()) == []


def test_a_text_too_long_for_one_file_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    text = "word " * (LONGEST_WHOLE // 5) + "x"
    assert refusal(lambda: TTSEngine(settings).synthesize(text)) == INVALID
    (tmp_path / "book.txt").write_text(text)
    house = House(tmp_path, monkeypatch)
    result = house.run("speak", "--file", tmp_path / "book.txt", "-o", house.out / "x.wav")
    assert result.exit_code == 3
    assert "pipe it" in result.stderr
    assert list(house.out.iterdir()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"speed": float("nan")},
        {"speed": float("inf")},
        {"speed": 0},
        {"speed": -1},
        {"speed": "fast"},
        {"pitch": float("nan")},
        {"pitch": -13},
        {"pitch": True},
    ],
)
def test_numbers_that_make_no_sense(settings: Settings, wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidParametersError):
        TTSEngine(settings).stream("Hello.", **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "voice", ["", "+", "af_heart+", "../../etc/passwd", "nobody", "af_heart\n+x", "\udcff", "v" * 10**5]
)
def test_voices_that_there_are_not(settings: Settings, voice: str) -> None:
    with pytest.raises(ProfileNotFoundError):
        TTSEngine(settings).stream("Hello.", voice)


@pytest.mark.parametrize(
    "text", ["x" * 100_000, "WWW " * 25_000, "a.b.c-d/e" * 11_111, "9" * 100_000, "a\u0301" * 50_000]
)
def test_a_hundred_thousand_characters_begin_at_once(text: str) -> None:
    begin = time.monotonic()
    first = next(pieces(text))
    assert first.text
    assert len(first.text) < 1000
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize("text", ["WWW " * 50, "x" * 220])
def test_letters_spelled_one_by_one_are_spoken_in_parts(
    settings: Settings, runtime: ModelRuntime, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """They make more sounds than letters, and more than the model takes at once."""
    parts: list[str] = []

    def speak(self: KokoroSynthesizer, sounds: str, *how: object) -> Audio:
        parts.append(sounds)
        return Audio(np.ones((1, len(sounds)), np.float32), 24000)

    monkeypatch.setattr(KokoroSynthesizer, "_speak", speak)
    spoken = KokoroSynthesizer(settings, runtime).synthesize_sentence(text, "af_heart")
    assert len(parts) > 1
    assert max(map(len, parts)) <= 508
    assert spoken.frames == sum(map(len, parts)) > 508


@pytest.mark.models
@pytest.mark.parametrize("text", [MIXED, "ß", "ŋ"])
def test_what_can_be_read_of_strange_texts_is_read(settings: Settings, runtime: ModelRuntime, text: str) -> None:
    left_out: list[str] = []
    spoken = TTSEngine(settings, runtime=runtime).synthesize(text, " af_heart + am_adam ", on_warning=left_out.append)
    assert spoken.duration > 0.2
    assert abs(spoken.samples).max() > 0.05
    if text == MIXED:
        assert {line.split()[0] for line in left_out} == {"Cyrillic", "Chinese", "Hebrew"}
