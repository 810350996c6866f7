"""Recordings become clips: each sound of the transcript gets its place."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from auto_voice.audio import Audio, write
from auto_voice.errors import InvalidParametersError, LowQualityAudioError
from auto_voice.inference.synthesis import vocabulary
from auto_voice.models.networks.content_mapper import ContentMapper, MapperShape
from auto_voice.training.align import Aligner, align_recordings
from auto_voice.training.clips import Clip, clip_files
from auto_voice.training.transcribe import read_transcripts, recordings_of, transcribe
from auto_voice.utils.intelligibility import Transcript
from tiny_speech import LAYERS, WIDTH, TinyContent, TinyHalves, TinyPitch

TEXT = "the old captain measured the depth of the water"


@pytest.fixture
def aligner() -> Aligner:
    torch.manual_seed(0)
    sounds = sorted({0, *vocabulary().values()})
    shape = MapperShape(features=LAYERS * WIDTH, phones=len(sounds), width=8, dilations=(1,), kernel=3)
    mapper = ContentMapper(shape).eval().requires_grad_(False)
    mapper.phones.copy_(torch.tensor(sounds))
    return Aligner(mapper, TinyHalves(), TinyContent(), TinyPitch())


def recording(seconds: float, seed: int = 0) -> Audio:
    return Audio(np.random.default_rng(seed).normal(0, 0.1, (1, round(seconds * 16_000))).astype(np.float32), 16_000)


def test_a_recording_and_its_words_make_a_clip(aligner: Aligner) -> None:
    clip = aligner.align(recording(4.01), TEXT, "7-1-0001")
    assert clip is not None
    assert clip.frames == 160 and len(clip.samples) == 64_000 and len(clip.f0) == 320
    assert (clip.durations >= 1).all() and clip.tokens[0] == clip.tokens[-1] == 0
    assert len(clip.vectors) == len(clip.tokens)
    assert clip.voice == "7-1-0001" and clip.text == TEXT and not clip.sung
    assert clip.fit < 0


@pytest.mark.parametrize(("seconds", "text"), [(4.0, "yes"), (0.8, TEXT), (4.0, "")], ids=["few", "long", "none"])
def test_words_that_cannot_be_those_of_the_recording_make_none(aligner: Aligner, seconds: float, text: str) -> None:
    assert aligner.align(recording(seconds), text, "any") is None


def test_transcribed_recordings_are_aligned_once(aligner: Aligner, tmp_path: Path) -> None:
    for number in range(4):
        write(tmp_path / f"{number}-a.wav", recording(3.0, number))
    paths = recordings_of(tmp_path)
    assert align_recordings(paths, {"0-a": TEXT, "2-a": "yes"}, tmp_path, aligner) == 1
    assert align_recordings(paths, {"0-a": TEXT, "3-a": TEXT}, tmp_path, aligner) == 1
    clips = [Clip.load(path) for path in clip_files(tmp_path)]
    assert [clip.voice for clip in clips] == ["0-a", "3-a"]
    assert [path.stem for path in clip_files(tmp_path)] == ["clip-00000", "clip-00003"]


class Recogniser:
    """Hears the number of samples; silence is silence."""

    def __init__(self) -> None:
        self.heard = 0

    def transcribe(self, audio: Audio, language: str | None = None) -> Transcript:
        self.heard += 1
        if not audio.samples.any():
            raise LowQualityAudioError
        return Transcript(text=f"{audio.frames} samples", language=language or "en")


def test_recordings_are_written_down_once_and_excluded_speakers_never(tmp_path: Path) -> None:
    for name, sound in (("12-a", recording(0.1)), ("12-b", recording(0.2)), ("13-a", recording(0.1))):
        write(tmp_path / f"{name}.wav", sound)
    write(tmp_path / "14-a.wav", Audio(np.zeros((1, 800), np.float32), 16_000))
    (tmp_path / "SPEAKERS.TXT").write_text("no recording", encoding="utf-8")
    recogniser, file = Recogniser(), tmp_path / "transcripts.jsonl"
    paths = recordings_of(tmp_path, excluded={"13"})
    transcribe(paths[:2], file, recogniser)  # type: ignore[arg-type]
    transcribe(paths, file, recogniser)  # type: ignore[arg-type]
    assert read_transcripts(file) == {"12-a": "1600 samples", "12-b": "3200 samples", "14-a": ""}
    assert recogniser.heard == 3


@pytest.mark.parametrize("content", [None, "no JSON", json.dumps({"text": "no name"}), "[]"])
def test_what_holds_no_transcripts_is_refused(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "transcripts.jsonl"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidParametersError, match="no transcripts"):
        read_transcripts(file)
