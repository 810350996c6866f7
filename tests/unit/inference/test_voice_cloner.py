"""What becomes of recordings that are handed in for cloning: a profile, or a refusal that says why.

The engines are simple ones, the recordings made of tones, so that everything to be found in them is known.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auto_voice.audio import Audio
from auto_voice.config import Settings
from auto_voice.errors import (
    AudioTooShortError,
    AutoVoiceError,
    CancelledError,
    FileTooLargeError,
    InvalidAudioError,
    InvalidParametersError,
    LowQualityAudioError,
    NotFoundError,
    ProfileNotFoundError,
)
from auto_voice.inference import voice_cloner
from auto_voice.inference.voice_cloner import SEVERAL_PEOPLE, VoiceCloner
from auto_voice.profiles import Consent, ProfileStore, VoiceProfile
from simple_engines import (
    FittedConverter,
    LevelContent,
    MiddleSeparator,
    SpectralPeakPitch,
    TurningConverter,
    voice,
    wav,
)
from simple_hearing import SpectrumSpeaker, TonalDetector

RATE = 16_000


@pytest.fixture
def converter() -> TurningConverter:
    return TurningConverter()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Everything five times shorter than usual: 6 s to 24 s of recording instead of 30 s to 120 s."""
    shorter = {"min_profile_duration_s": 6.0, "max_profile_duration_s": 24.0, "max_song_duration_s": 120.0}
    return settings.model_copy(update={"limits": settings.limits.model_copy(update=shorter)})


@pytest.fixture
def cloner(settings: Settings, converter: TurningConverter, monkeypatch: pytest.MonkeyPatch) -> VoiceCloner:
    monkeypatch.setattr(voice_cloner, "SpeechActivityDetector", TonalDetector)
    monkeypatch.setattr(voice_cloner, "SpeakerEncoder", SpectrumSpeaker)
    return VoiceCloner(
        "cpu",
        settings,
        separator=MiddleSeparator(),
        pitch=SpectralPeakPitch(),
        content=LevelContent(),
        converter=converter,
    )


@pytest.fixture
def store(settings: Settings) -> ProfileStore:
    return ProfileStore(settings)


def hiss(seconds: float, level: float = 0.001) -> np.ndarray:
    return (level * np.random.default_rng(0).standard_normal(int(seconds * RATE))).astype(np.float32)


def recording(seconds: float, hz: float = 200, noise: float = 0.001) -> Audio:
    """Somebody singing, resting for the last of every four seconds."""
    sung = voice(seconds, hz)
    sung += 0.01 * sung * np.sin(2 * np.pi * 6500 * np.arange(sung.size) / RATE)
    sung[np.arange(sung.size) % (4 * RATE) >= 3 * RATE] = 0
    return Audio((sung + hiss(seconds, noise))[None].astype(np.float32), RATE)


def test_a_recording_becomes_a_profile(cloner: VoiceCloner, store: ProfileStore) -> None:
    made = cloner.create_voice_profile(recording(8), "ada", "My Singing Voice", "in the kitchen")

    assert store.get(made.profile_id, "ada") == made
    assert (made.profile_name, made.description) == ("My Singing Voice", "in the kitchen")
    assert made.vocal_range.median_pitch_hz == pytest.approx(200, rel=0.02)
    assert made.quality_metrics.warnings == ()
    assert 5 < made.quality_metrics.voice_seconds < 6.5
    assert made.embedding_info.dimensions == 256
    assert made.audio_info.duration_seconds == 8
    assert set(made.voice_states) == {"turning"}
    assert np.linalg.norm(store.load_embedding(made.profile_id)) == pytest.approx(1, abs=1e-5)


def test_rests_are_taken_out_of_the_reference(cloner: VoiceCloner, store: ProfileStore) -> None:
    made = cloner.create_voice_profile(recording(8))
    assert store.load_reference(made.profile_id).duration == pytest.approx(2 * 3.5, abs=0.5)


def test_files_bytes_and_sound_are_the_same_to_it(cloner: VoiceCloner, tmp_path: Path) -> None:
    path = tmp_path / "mi voz 🎤.not-wav"
    path.write_bytes(wav(recording(8)))
    for source in (path, str(path), path.read_bytes(), recording(8)):
        assert cloner.create_voice_profile(source).vocal_range.median_pitch_hz == pytest.approx(200, rel=0.02)


def test_the_file_is_described_as_it_came(cloner: VoiceCloner) -> None:
    stereo = Audio(np.repeat(recording(8).samples, 2, axis=0), RATE)
    buffer = io.BytesIO()
    soundfile.write(buffer, stereo.samples.T, RATE, format="FLAC")
    info = cloner.create_voice_profile(buffer.getvalue()).audio_info

    assert (info.format, info.channels, info.sample_rate) == ("flac", 2, RATE)
    assert info.file_size_bytes == len(buffer.getvalue())


def test_several_recordings_make_one_voice(cloner: VoiceCloner) -> None:
    made = cloner.create_voice_profile_from_multiple_samples([recording(4), recording(8)], "ada")
    assert made.audio_info.recordings == 2
    assert made.audio_info.duration_seconds == 12
    assert made.user_id == "ada"


def test_a_bad_recording_among_good_ones_is_left_out(cloner: VoiceCloner) -> None:
    made = cloner.create_voice_profile([recording(8), Audio(hiss(5, 0.1)[None], RATE)])
    assert made.quality_metrics.warnings == ("Recording 2 was left out: no voice was found in the recording.",)
    assert made.quality_metrics.snr_db > 30


def test_of_a_long_recording_the_best_part_is_used(cloner: VoiceCloner) -> None:
    made = cloner.create_voice_profile(recording(40))
    assert 20 < made.audio_info.reference_seconds <= 24
    assert any("best 24 s" in warning for warning in made.quality_metrics.warnings)


def test_two_people_are_noticed(cloner: VoiceCloner) -> None:
    made = cloner.create_voice_profile([recording(12, 150), recording(12, 310)])
    assert SEVERAL_PEOPLE in made.quality_metrics.warnings


def test_a_song_is_separated_on_request(cloner: VoiceCloner) -> None:
    band = hiss(8, 0.1)
    sung = recording(8).samples[0]
    song = Audio(np.stack([sung + band, sung - band]), RATE)

    assert cloner.create_voice_profile(song, separate_vocals=True).quality_metrics.snr_db > 30


@pytest.mark.parametrize(
    ("make", "error", "reason"),
    [
        (lambda: recording(2), AudioTooShortError, r"2\.0 s of recording; a voice needs at least 6 s"),
        (lambda: recording(5.9), AudioTooShortError, r"5\.9 s"),
        (lambda: np.r_[voice(2), hiss(8)], AudioTooShortError, r"[12]\.\d s of usable voice were found in 10"),
        (lambda: np.zeros(8 * RATE, np.float32), LowQualityAudioError, "silent"),
        (lambda: hiss(8, 0.1), LowQualityAudioError, "no voice was found"),
        (lambda: recording(8, noise=0.05), LowQualityAudioError, "dB above the noise"),
        (lambda: np.clip(recording(8).samples[0] * 20, -1, 1), LowQualityAudioError, "clipped"),
        (lambda: np.full(8 * RATE, np.nan, np.float32), InvalidAudioError, "not numbers"),
        (lambda: np.full(8 * RATE, np.inf, np.float32), InvalidAudioError, "not numbers"),
        (lambda: np.zeros(0, np.float32), InvalidAudioError, "no sound"),
        (lambda: np.zeros(121 * RATE, np.float32), FileTooLargeError, "limit is 2:00 min"),
        (lambda: b"", InvalidAudioError, ""),
        (lambda: b"hello, I am text", InvalidAudioError, ""),
        (lambda: Path("nowhere.wav"), NotFoundError, "nowhere"),
    ],
)
def test_what_cannot_work_is_refused_and_nothing_is_stored(
    cloner: VoiceCloner, store: ProfileStore, make: Callable[[], object], error: type[AutoVoiceError], reason: str
) -> None:
    source = make()
    with pytest.raises(error, match=reason or None):
        cloner.create_voice_profile(Audio(source[None], RATE) if isinstance(source, np.ndarray) else source)  # type: ignore[arg-type]
    assert store.count() == 0


def test_of_several_the_refused_one_is_named(cloner: VoiceCloner) -> None:
    with pytest.raises(InvalidAudioError, match="recording 2: "):
        cloner.create_voice_profile([recording(8), b"hello"])
    with pytest.raises(InvalidParametersError, match="1 to 50 recordings, not 0"):
        cloner.create_voice_profile([])


def test_hopeless_names_are_refused_before_any_work(cloner: VoiceCloner, converter: TurningConverter) -> None:
    for wrong in ({"user_id": ""}, {"profile_name": "\n"}, {"description": "x" * 1001}):
        with pytest.raises(InvalidParametersError):
            cloner.create_voice_profile(Path("never-opened.wav"), **wrong)


def test_progress_rises_to_one(cloner: VoiceCloner) -> None:
    seen: list[float] = []
    cloner.create_voice_profile(recording(8), progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


@pytest.mark.parametrize("at", [0.1, 0.62, 0.9, 1.0])
def test_cancelling_stores_nothing(cloner: VoiceCloner, store: ProfileStore, at: float) -> None:
    def stop(fraction: float) -> None:
        if at <= fraction < 1.0:
            raise CancelledError

    if at == 1.0:
        cloner.create_voice_profile(recording(8), progress=stop)
        assert store.count() == 1
        return
    with pytest.raises(CancelledError):
        cloner.create_voice_profile(recording(8), progress=stop)
    assert store.count() == 0


def test_the_same_order_twice_makes_one_voice(cloner: VoiceCloner, store: ProfileStore) -> None:
    """As when a worker died after it had stored the voice, and the next one does the work again."""
    chosen = "0b3f9c1e-8a52-4a0f-9d2e-5f8a7c6b4d3e"
    first = cloner.create_voice_profile(recording(12), profile_name="Ada", profile_id=chosen)
    again = cloner.create_voice_profile(recording(12), profile_name="Ada", profile_id=chosen)

    assert first == again == store.get(chosen)
    assert store.count() == 1


def test_a_consent_is_kept_with_the_voice(cloner: VoiceCloner, store: ProfileStore) -> None:
    consent = Consent(
        confirmed_by="ada", confirmed_at=datetime(2026, 1, 2, tzinfo=timezone.utc), sample_sha256="0" * 64
    )
    made = cloner.create_voice_profile(recording(12), consent=consent)
    assert store.get(made.profile_id).consent == consent
    assert cloner.create_voice_profile(recording(12)).consent is None


Make = Callable[[TurningConverter], VoiceCloner]


@pytest.fixture
def cloner_with(settings: Settings, cloner: VoiceCloner) -> Make:
    """A cloner with another converter."""

    def make(converter: TurningConverter) -> VoiceCloner:
        return VoiceCloner(
            "cpu",
            settings,
            separator=MiddleSeparator(),
            pitch=SpectralPeakPitch(),
            content=LevelContent(),
            converter=converter,
        )

    return make


def gain(store: ProfileStore, made: VoiceProfile) -> float:
    return float(store.load_voice_state(made.profile_id, "fitted")["gain"][0])


def test_a_voice_is_adapted_while_it_is_cloned(cloner_with: Make, store: ProfileStore) -> None:
    seen: list[float] = []
    made = cloner_with(FittedConverter()).create_voice_profile(recording(8), adapt=True, progress=seen.append)

    assert made.adaptation is not None
    assert (made.adaptation.converter, made.adaptation.kept, made.adaptation.steps) == ("fitted", True, 10)
    assert (made.adaptation.similarity_before, made.adaptation.similarity_after) == (0.7, 0.85)
    assert store.get(made.profile_id) == made
    assert gain(store, made) == -1.0
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_a_stored_voice_is_adapted(cloner_with: Make, store: ProfileStore) -> None:
    cloner = cloner_with(FittedConverter())
    made = cloner.create_voice_profile(recording(8), "ada")
    assert made.adaptation is None

    for _ in range(2):  # a second time does the same again, not twice as much
        adapted = cloner.adapt_voice_profile(made.profile_id, "ada")
        assert adapted.adaptation is not None
        assert gain(store, adapted) == -1.0
    assert adapted.model_copy(update={"adaptation": None, "voice_states": made.voice_states}) == made


def test_a_voice_that_came_out_no_better_stays_as_it_was(cloner_with: Make, store: ProfileStore) -> None:
    cloner = cloner_with(FittedConverter(naturalness=2.0))
    made = cloner.create_voice_profile(recording(8), adapt=True)
    assert made.adaptation is not None
    assert not made.adaptation.kept
    assert gain(store, made) == -0.5


def test_a_converter_that_cannot_be_adapted_is_refused_before_anything_is_heard(
    cloner: VoiceCloner, converter: TurningConverter, store: ProfileStore
) -> None:
    with pytest.raises(InvalidParametersError, match="'turning'") as caught:
        cloner.create_voice_profile(recording(8), adapt=True)
    assert "neural" in caught.value.suggestions[0]
    assert (converter.learnt, store.count()) == (0, 0)
    made = cloner.create_voice_profile(recording(8))
    with pytest.raises(InvalidParametersError):
        cloner.adapt_voice_profile(made.profile_id)


def test_only_the_owner_adapts(cloner_with: Make) -> None:
    cloner = cloner_with(FittedConverter())
    made = cloner.create_voice_profile(recording(8), "ada")
    with pytest.raises(ProfileNotFoundError):
        cloner.adapt_voice_profile(made.profile_id, "eve")


def test_a_cancelled_adaptation_leaves_the_voice_as_it_was(cloner_with: Make, store: ProfileStore) -> None:
    cloner = cloner_with(FittedConverter())
    made = cloner.create_voice_profile(recording(8))

    def stop(fraction: float) -> None:
        if fraction > 0.5:
            raise CancelledError

    with pytest.raises(CancelledError):
        cloner.adapt_voice_profile(made.profile_id, progress=stop)
    assert store.get(made.profile_id) == made
    assert gain(store, made) == -0.5
