"""The real demonstration, shortened: stock voices read and sing, and the real engines do the rest."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from auto_voice.audio import decode
from auto_voice.config import Settings
from auto_voice.demo.folder import RESULTS, DemoFolder
from auto_voice.demo.lyric import CHORDS, LINES
from auto_voice.demo.material import READING, StockMaterial
from auto_voice.demo.run import Demo, Outcome
from auto_voice.models.runtime import ModelRuntime
from auto_voice.utils.speaker import SpeakerEncoder, similarity

pytestmark = pytest.mark.models

READ_CHARACTERS = 190
SHORTEST_VOICE = 8.0


def short_demo(settings: Settings, runtime: ModelRuntime, folder: Path) -> Demo:
    """Two sentences are read and one line is sung."""
    limits = settings.limits.model_copy(update={"min_profile_duration_s": SHORTEST_VOICE})
    settings = settings.model_copy(update={"limits": limits})
    material = StockMaterial(settings, runtime, reading=READING[:READ_CHARACTERS], lines=LINES[:1], chords=CHORDS[:5])
    return Demo(settings, DemoFolder(folder), runtime=runtime, material=material)


def test_a_voice_is_cloned_a_song_converted_and_a_sentence_spoken_and_a_second_run_takes_it_from_caches(
    settings: Settings, runtime: ModelRuntime, tmp_path: Path
) -> None:
    first, first_seconds = timed(short_demo(settings, runtime, tmp_path / "demo"))

    assert {path.name for path in (tmp_path / "demo").iterdir() if path.is_file()} == {
        "my_voice.wav",
        "song.mp3",
        *RESULTS.values(),
    }
    scores = first.conversion.quality_metrics
    assert scores["pitch_accuracy"]["median_cents"] < 20
    assert scores["speaker_similarity"]["cosine_similarity"] > scores["speaker_similarity"]["original_similarity"]

    encoder = SpeakerEncoder(runtime)
    voice, spoken = (encoder.embed(decode(path)) for path in (first.voice, first.files["spoken"]))
    assert similarity(voice, spoken) > 0.7

    second, second_seconds = timed(short_demo(settings, runtime, tmp_path / "demo"))
    assert second.profile == first.profile
    assert second.conversion.quality_metrics == scores  # with the moment they were made
    assert second_seconds < first_seconds / 3
    made_once = ("reading", "singing", "voice cloning", "speaking")
    assert sum(second.seconds[part] for part in made_once) < 0.2 * sum(first.seconds[part] for part in made_once)


def timed(demo: Demo) -> tuple[Outcome, float]:
    begun = time.perf_counter()
    outcome = demo.run(lambda fraction, what: None)
    return outcome, time.perf_counter() - begun
