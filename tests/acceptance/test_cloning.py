"""Cloning with the real models from real recordings: what must work works, what cannot is refused for its reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auto_voice.audio import Audio, decode
from auto_voice.config import Settings, load_settings
from auto_voice.errors import AudioTooShortError, AutoVoiceError, LowQualityAudioError
from auto_voice.inference.voice_cloner import SEVERAL_PEOPLE, VoiceCloner
from auto_voice.models.runtime import ModelRuntime
from auto_voice.profiles import ProfileStore

pytestmark = [pytest.mark.models, pytest.mark.real_audio]

READERS = {
    "1688": (140, 200),
    "2033": (120, 180),
    "2609": (100, 150),
    "1998": (170, 230),
    "3331": (190, 250),
    "533": (190, 260),
}
"""LibriSpeech readers, three men and three women, with bounds of the median of their pitch, Hz."""
RATE = 16_000


@pytest.fixture(scope="module")
def shared_runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelRuntime]:
    """One for all tests here, so that each model is loaded once."""
    runtime = ModelRuntime(load_settings(), "cpu")
    yield runtime
    runtime.close()


@pytest.fixture
def cloner(settings: Settings, shared_runtime: ModelRuntime) -> VoiceCloner:
    return VoiceCloner(settings=settings, runtime=shared_runtime)


def utterances(real_data: Path, reader: str) -> list[Path]:
    return sorted((real_data / "speech" / "librispeech-test-other" / reader).glob("*.flac"))


def read(real_data: Path, reader: str, seconds: float) -> np.ndarray:
    """The first seconds of what a reader read, float32 (samples,)."""
    parts = [soundfile.read(path, dtype="float32")[0] for path in utterances(real_data, reader)]
    return np.concatenate(parts)[: int(seconds * RATE)]


def mono(samples: np.ndarray) -> Audio:
    return Audio(samples.astype(np.float32)[None], RATE)


@pytest.mark.parametrize("reader", READERS)
def test_six_readers_become_voices(cloner: VoiceCloner, settings: Settings, real_data: Path, reader: str) -> None:
    made = cloner.create_voice_profile(mono(read(real_data, reader, 31)), profile_name=f"Reader {reader}")
    low, high = READERS[reader]

    assert low < made.vocal_range.median_pitch_hz < high
    assert 4 < made.vocal_range.range_semitones < 18
    assert made.quality_metrics.snr_db > 24
    assert made.quality_metrics.quality_score > 0.5
    assert made.quality_metrics.warnings == ()
    assert made.embedding_info.split_half_similarity is not None
    assert made.embedding_info.split_half_similarity > 0.85
    assert set(made.voice_states) == {settings.quality.presets[settings.quality.default_preset].converter}
    assert ProfileStore(settings).load_reference(made.profile_id).duration > 24


def test_separate_utterances_as_files_make_one_voice(cloner: VoiceCloner, real_data: Path) -> None:
    made = cloner.create_voice_profile_from_multiple_samples(utterances(real_data, "533")[:6], "ada")
    assert made.audio_info.recordings == 6
    assert made.audio_info.format == "flac"
    assert SEVERAL_PEOPLE not in made.quality_metrics.warnings


def test_a_singer_becomes_a_voice(cloner: VoiceCloner, real_data: Path) -> None:
    made = cloner.create_voice_profile(real_data / "singing" / "vocadito_1.wav")
    assert 120 < made.vocal_range.median_pitch_hz < 180
    assert made.quality_metrics.voice_seconds > 20


def test_two_readers_are_noticed(cloner: VoiceCloner, real_data: Path) -> None:
    both = [mono(read(real_data, reader, 18)) for reader in ("1688", "1998")]
    assert SEVERAL_PEOPLE in cloner.create_voice_profile(both).quality_metrics.warnings


def with_noise(speech: np.ndarray, snr_db: float) -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal(speech.size)
    return speech + noise * speech.std() * 10 ** (-snr_db / 20)


def test_noise_that_is_bearable_is_remarked_on(cloner: VoiceCloner, real_data: Path) -> None:
    made = cloner.create_voice_profile(mono(with_noise(read(real_data, "533", 32), 19)))
    assert made.quality_metrics.snr_db == pytest.approx(20, abs=2)
    assert ["noise" in warning for warning in made.quality_metrics.warnings] == [True]


def hopeless(kind: str, real_data: Path) -> Audio:
    speech = read(real_data, "1688", 40)
    made = {
        "ten seconds": speech[: 10 * RATE],
        "mostly silence": np.r_[speech[: 12 * RATE], np.zeros(30 * RATE)],
        "silence": np.zeros(40 * RATE),
        "noise": 0.1 * np.random.default_rng(1).standard_normal(40 * RATE),
        "noisy speech": with_noise(speech, 8),
        "clipped": np.clip(speech / np.abs(speech).max() * 5, -1, 1),
        "fully clipped": np.sign(speech),
    }
    return mono(made[kind])


@pytest.mark.parametrize(
    ("kind", "error", "reason"),
    [
        ("ten seconds", AudioTooShortError, r"10\.0 s of recording"),
        ("mostly silence", AudioTooShortError, r"of usable voice were found in 42\.0 s"),
        ("silence", LowQualityAudioError, "silent"),
        ("noise", LowQualityAudioError, "no voice"),
        ("noisy speech", LowQualityAudioError, "above the noise"),
        ("clipped", LowQualityAudioError, "clipped"),
        ("fully clipped", LowQualityAudioError, "clipped|no voice|noise"),
    ],
)
def test_what_cannot_work_is_refused(
    cloner: VoiceCloner, settings: Settings, real_data: Path, kind: str, error: type[AutoVoiceError], reason: str
) -> None:
    with pytest.raises(error, match=reason) as caught:
        cloner.create_voice_profile(hopeless(kind, real_data))
    assert caught.value.code in ("audio_too_short", "low_quality_audio")
    assert caught.value.suggestions
    assert ProfileStore(settings).count() == 0


@pytest.mark.parametrize(
    ("song", "stem"),
    [
        ("lithium", "accompaniment"),
        ("sodium", "accompaniment"),
        ("potassium", "accompaniment"),
        ("francium", "accompaniment"),
        ("lithium", "mix"),
        ("potassium", "mix"),
    ],
)
def test_music_is_not_taken_for_a_voice(cloner: VoiceCloner, real_data: Path, song: str, stem: str) -> None:
    with pytest.raises(LowQualityAudioError) as caught:
        cloner.create_voice_profile(real_data / "songs" / song / f"{stem}.flac")
    assert any("--from-song" in suggestion for suggestion in caught.value.suggestions)


def test_a_voice_is_taken_out_of_a_song(settings: Settings, shared_runtime: ModelRuntime, real_data: Path) -> None:
    from auto_voice import plugins

    separator = plugins.create("separators", "spleeter", settings, shared_runtime)
    cloner = VoiceCloner(settings=settings, runtime=shared_runtime, separator=separator)
    made = cloner.create_voice_profile(real_data / "songs" / "lithium" / "mix.flac", separate_vocals=True)
    sung = decode(real_data / "songs" / "lithium" / "vocals.flac")

    assert made.audio_info.duration_seconds == pytest.approx(sung.duration, abs=0.1)
    assert 140 < made.vocal_range.median_pitch_hz < 230
