"""The pipeline: the order of the stages, and what is promised around them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from auto_voice.audio import Audio, integrated_loudness, resample, true_peak
from auto_voice.config import Settings
from auto_voice.errors import (
    AutoVoiceError,
    CancelledError,
    ConversionFailedError,
    FileTooLargeError,
    InvalidAudioError,
    InvalidParametersError,
    LowQualityAudioError,
    NotFoundError,
    PitchExtractionFailedError,
    ProfileNotFoundError,
)
from auto_voice.inference.singing_conversion_pipeline import SingingConversionPipeline
from auto_voice.models.runtime import ModelRuntime
from auto_voice.progress import STAGE_BOUNDS
from simple_engines import (
    RATE,
    LevelContent,
    MiddleSeparator,
    SpectralPeakPitch,
    TurningConverter,
    make_profile,
    song,
    voice,
    wav,
)


class Studio:
    """A pipeline with simple engines, and its engines to look at."""

    def __init__(self, settings: Settings, runtime: ModelRuntime) -> None:
        self.separator, self.pitch = MiddleSeparator(), SpectralPeakPitch()
        self.content, self.converter = LevelContent(), TurningConverter()
        self.settings = settings
        self.pipeline = SingingConversionPipeline(
            settings,
            runtime=runtime,
            separator=self.separator,
            pitch=self.pitch,
            content=self.content,
            converter=self.converter,
        )
        self.voice = make_profile(settings).profile_id


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """Without weights, so that scores stay empty: they have tests of their own."""
    storage = settings.storage.model_copy(update={"models_dir": tmp_path / "no-models"})
    return settings.model_copy(update={"storage": storage})


@pytest.fixture
def studio(settings: Settings, runtime: ModelRuntime) -> Studio:
    return Studio(settings, runtime)


SONG = song()
SONG_FILE = wav(SONG)


def _middle(audio: Audio) -> np.ndarray:
    return audio.samples.mean(axis=0)


def test_the_voice_changes_and_the_band_stays(studio: Studio) -> None:
    result = studio.pipeline.convert_song(SONG_FILE, studio.voice, instrumental_volume=1.0)
    sides = (result.mixed_audio.samples[0] - result.mixed_audio.samples[1]) / 2
    np.testing.assert_allclose(sides, (SONG.samples[0] - SONG.samples[1]) / 2, atol=1e-4)
    np.testing.assert_allclose(_middle(result.mixed_audio), -_middle(SONG), atol=0.02)


def test_rate_channels_and_length_are_the_songs(studio: Studio) -> None:
    odd = Audio(SONG.samples[:, :-137], RATE)
    result = studio.pipeline.convert_song(wav(odd), studio.voice)
    assert result.mixed_audio.samples.shape == odd.samples.shape
    assert (result.sample_rate, result.duration) == (RATE, odd.duration)


def test_the_converted_voice_has_the_level_of_the_original_one(studio: Studio) -> None:
    result = studio.pipeline.convert_song(SONG_FILE, studio.voice, return_stems=True)
    original = Audio(np.repeat(_middle(SONG)[None], 2, axis=0), RATE)
    assert result.stems is not None
    assert integrated_loudness(result.stems.vocals) == pytest.approx(integrated_loudness(original), abs=0.1)


def test_volumes_are_applied(studio: Studio) -> None:
    result = studio.pipeline.convert_song(SONG_FILE, studio.voice, vocal_volume=0.0, instrumental_volume=0.5)
    assert np.abs(_middle(result.mixed_audio)).max() < 1e-4
    np.testing.assert_allclose(result.mixed_audio.samples[0], 0.25 * (SONG.samples[0] - SONG.samples[1]), atol=1e-4)


def test_the_mix_never_peaks_above_the_ceiling(studio: Studio) -> None:
    loud = Audio((SONG.samples * 5).clip(-1, 1), RATE)
    result = studio.pipeline.convert_song(wav(loud), studio.voice, vocal_volume=2.0, instrumental_volume=2.0)
    assert true_peak(result.mixed_audio) <= -0.99


def test_stems_come_only_when_asked_for(studio: Studio) -> None:
    assert studio.pipeline.convert_song(SONG_FILE, studio.voice).stems is None


def test_the_result_says_how_it_was_made(studio: Studio) -> None:
    result = studio.pipeline.convert_song(SONG_FILE, studio.voice, pitch_shift=3, preset="fast")
    assert result.metadata["separation_model"] == "middle"
    assert result.metadata["preset"] == "fast"
    assert result.metadata["transposition"] == {"semitones": 3.0, "reason": "as asked for"}
    assert result.metadata["profile_id"] == studio.voice
    assert (result.metadata["pitch_engine"], result.metadata["converter"]) == ("peak", "turning")
    assert set(result.stage_seconds) == set(STAGE_BOUNDS)
    assert np.median(result.f0_contour.f0[result.f0_contour.voiced]) == pytest.approx(220, abs=5)


def test_auto_moves_a_high_melody_to_a_low_voice(studio: Studio) -> None:
    transposition = studio.pipeline.convert_song(SONG_FILE, studio.voice, pitch_shift="auto").metadata["transposition"]
    assert transposition["semitones"] == -12
    assert "Hz" in transposition["reason"]


def test_a_file_may_be_given_by_path(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "ünï $(touch x); song.mp3"  # a name says nothing about the content
    path.write_bytes(SONG_FILE)
    by_path = studio.pipeline.convert_song(path, studio.voice)
    by_bytes = studio.pipeline.convert_song(SONG_FILE, studio.voice)
    np.testing.assert_array_equal(by_path.mixed_audio.samples, by_bytes.mixed_audio.samples)


# --- progress and cancelling


def test_progress_rises_through_the_documented_bounds(studio: Studio) -> None:
    seen: list[tuple[float, str]] = []
    studio.pipeline.convert_song(
        SONG_FILE, studio.voice, progress_callback=lambda progress, stage: seen.append((progress, stage))
    )
    assert [progress for progress, _ in seen] == sorted(progress for progress, _ in seen)
    assert list(dict.fromkeys(stage for _, stage in seen)) == list(STAGE_BOUNDS)
    for progress, stage in seen:
        low, high = STAGE_BOUNDS[stage]
        assert low <= progress <= high
    assert seen[-1] == (100.0, "audio_mixing")


@pytest.mark.parametrize("at", [0, 10, 25, 30, 41, 60, 79, 81, 95])
def test_the_callback_cancels_anywhere_by_raising(studio: Studio, at: int) -> None:
    def stop(progress: float, stage: str) -> None:
        if progress >= at:
            raise CancelledError

    with pytest.raises(CancelledError):
        studio.pipeline.convert_song(SONG_FILE, studio.voice, progress_callback=stop)
    again = studio.pipeline.convert_song(SONG_FILE, studio.voice)
    assert again.duration == SONG.duration


def test_memory_of_the_gpu_is_released_even_when_it_fails(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    released: list[bool] = []
    monkeypatch.setattr(
        "auto_voice.inference.singing_conversion_pipeline.release_memory", lambda: released.append(True)
    )
    with pytest.raises(InvalidAudioError):
        studio.pipeline.convert_song(b"not audio", studio.voice)
    assert released == [True]


# --- caches


def test_the_same_song_to_the_same_voice_is_not_made_again(studio: Studio) -> None:
    first = studio.pipeline.convert_song(SONG_FILE, studio.voice)
    second = studio.pipeline.convert_song(SONG_FILE, studio.voice, vocal_volume=0.5)
    assert (studio.separator.calls, studio.content.calls, studio.converter.calls) == (1, 2, 1)
    assert second.metadata == first.metadata  # (content: once for the song, once to learn the voice)


def test_another_voice_reuses_the_song_and_not_the_conversion(studio: Studio) -> None:
    studio.pipeline.convert_song(SONG_FILE, studio.voice)
    pitch, content = studio.pitch.calls, studio.content.calls
    other = make_profile(studio.settings, "Bea", turning={"gain": np.array([-0.7], np.float32)}).profile_id
    studio.pipeline.convert_song(SONG_FILE, other)
    assert studio.separator.calls == 1
    assert studio.content.calls == content
    assert studio.pitch.calls == pitch + 1  # of what was sung now, for the score
    assert studio.converter.calls == 2


def test_cached_stems_give_the_same_song(studio: Studio) -> None:
    first = studio.pipeline.convert_song(SONG_FILE, studio.voice)
    second = studio.pipeline.convert_song(SONG_FILE, studio.voice)
    np.testing.assert_allclose(second.mixed_audio.samples, first.mixed_audio.samples, atol=1e-6)


def test_the_cache_can_be_passed_by(studio: Studio) -> None:
    studio.pipeline.convert_song(SONG_FILE, studio.voice)
    studio.pipeline.convert_song(SONG_FILE, studio.voice, use_cache=False)
    assert (studio.separator.calls, studio.converter.calls) == (2, 2)


def test_a_cancelled_conversion_leaves_no_half_result_in_the_cache(studio: Studio) -> None:
    def stop(progress: float, stage: str) -> None:
        if progress > 60:
            raise CancelledError

    with pytest.raises(CancelledError):
        studio.pipeline.convert_song(SONG_FILE, studio.voice, progress_callback=stop)
    studio.pipeline.convert_song(SONG_FILE, studio.voice)
    assert studio.separator.calls == 1  # was finished, so it was kept
    assert studio.converter.calls == 2  # was not
    assert not list(studio.settings.storage.cache_dir.rglob(".tmp*"))


# --- voices


def test_a_voice_that_was_not_learnt_yet_is_learnt_once(studio: Studio) -> None:
    studio.pipeline.convert_song(SONG_FILE, studio.voice)
    studio.pipeline.convert_song(wav(song(3.0)), studio.voice)
    assert studio.converter.learnt == 1


def test_a_voice_of_another_owner_does_not_exist(studio: Studio) -> None:
    with pytest.raises(ProfileNotFoundError):
        studio.pipeline.convert_song(SONG_FILE, studio.voice, user_id="somebody else")
    assert studio.separator.calls == 0


@pytest.mark.parametrize("profile_id", ["", "../../etc/passwd", "00000000-0000-0000-0000-000000000000", "x" * 5000])
def test_an_unknown_voice_is_refused_before_any_work(studio: Studio, profile_id: str) -> None:
    with pytest.raises(ProfileNotFoundError):
        studio.pipeline.convert_song(SONG_FILE, profile_id)
    assert studio.separator.calls == 0


# --- parameters


@pytest.mark.parametrize(
    "wrong",
    [
        {"vocal_volume": -0.1},
        {"vocal_volume": 2.1},
        {"instrumental_volume": float("nan")},
        {"instrumental_volume": "loud"},
        {"pitch_shift": 12.5},
        {"pitch_shift": float("nan")},
        {"pitch_shift": "up"},
        {"pitch_shift": True},
        {"preset": "best"},
        {"preset": "../fast"},
    ],
)
def test_parameters_out_of_range_are_refused_before_any_work(studio: Studio, wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidParametersError):
        studio.pipeline.convert_song(SONG_FILE, studio.voice, **wrong)  # type: ignore[arg-type]
    assert studio.separator.calls == 0


def test_a_preset_that_is_switched_off_is_refused(settings: Settings, runtime: ModelRuntime) -> None:
    quality = settings.quality.model_copy(update={"allow_quality_preset": False})
    studio = Studio(settings.model_copy(update={"quality": quality}), runtime)
    with pytest.raises(InvalidParametersError, match="switched off"):
        studio.pipeline.convert_song(SONG_FILE, studio.voice, preset="quality")


# --- songs that are none


@pytest.mark.parametrize("content", [b"", b"this is text, whatever its name says" * 50])
def test_what_is_no_audio_is_refused(studio: Studio, content: bytes) -> None:
    with pytest.raises(InvalidAudioError):
        studio.pipeline.convert_song(content, studio.voice)


def test_a_song_over_the_configured_length_is_refused(settings: Settings, runtime: ModelRuntime) -> None:
    limits = settings.limits.model_copy(update={"max_song_duration_s": 3.0})
    studio = Studio(settings.model_copy(update={"limits": limits}), runtime)
    with pytest.raises(FileTooLargeError):
        studio.pipeline.convert_song(SONG_FILE, studio.voice)


def test_a_missing_file_is_not_found(studio: Studio, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        studio.pipeline.convert_song(tmp_path / "nothing.wav", studio.voice)


def test_silence_is_refused(studio: Studio) -> None:
    with pytest.raises(LowQualityAudioError):
        studio.pipeline.convert_song(wav(Audio(np.zeros((2, 2 * RATE), np.float32), RATE)), studio.voice)


def test_noise_is_refused(studio: Studio) -> None:
    noise = 0.1 * np.random.default_rng(2).standard_normal((1, 4 * RATE)).astype(np.float32)
    with pytest.raises(LowQualityAudioError, match="noise"):
        studio.pipeline.convert_song(wav(Audio(np.concatenate([noise, -noise]), RATE)), studio.voice)


def test_an_instrumental_song_comes_back_unchanged_and_says_so(studio: Studio) -> None:
    band = song(sung=False)
    result = studio.pipeline.convert_song(wav(band), studio.voice, return_stems=True)
    np.testing.assert_array_equal(result.mixed_audio.samples, band.samples)
    assert "No vocals were found" in result.warnings[0]
    assert studio.converter.calls == 0
    assert not result.f0_contour.voiced.any()


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (48000, 6), (192_000, 2)])
def test_any_rate_and_number_of_channels_stays_what_it_is(studio: Studio, rate: int, channels: int) -> None:
    at_rate = resample(Audio(SONG.samples[:, : 2 * RATE], RATE), rate)
    original = Audio(np.ascontiguousarray(np.resize(at_rate.samples, (channels, at_rate.frames))), rate)
    result = studio.pipeline.convert_song(wav(original), studio.voice, return_stems=True)
    assert result.mixed_audio.samples.shape == original.samples.shape
    assert result.sample_rate == rate
    assert result.stems is not None
    assert result.stems.vocals.samples.shape == original.samples.shape


def test_a_fully_clipped_song_is_converted(studio: Studio) -> None:
    clipped = Audio(np.sign(SONG.samples) * np.float32(1.0), RATE)
    result = studio.pipeline.convert_song(wav(clipped), studio.voice)
    assert true_peak(result.mixed_audio) <= -0.99


def test_samples_that_are_not_numbers_are_refused(studio: Studio) -> None:
    broken = SONG.samples.copy()
    broken[0, 1000] = np.nan
    with pytest.raises(InvalidAudioError):
        studio.pipeline.convert_song(wav(Audio(broken, RATE)), studio.voice)


# --- engines that misbehave


def _with_converter(studio: Studio, change: Callable[[Audio], Audio]) -> None:
    convert = studio.converter.convert
    studio.converter.convert = lambda *given, **named: change(convert(*given, **named))  # type: ignore[method-assign]


def test_a_converter_that_loses_samples_is_caught(studio: Studio) -> None:
    _with_converter(studio, lambda audio: Audio(audio.samples[:, :-1], audio.sample_rate))
    with pytest.raises(ConversionFailedError):
        studio.pipeline.convert_song(SONG_FILE, studio.voice)


def test_a_converter_that_gives_nan_is_caught(studio: Studio) -> None:
    _with_converter(studio, lambda audio: Audio(audio.samples * np.float32(np.nan), audio.sample_rate))
    with pytest.raises(ConversionFailedError):
        studio.pipeline.convert_song(SONG_FILE, studio.voice)


def test_a_score_that_cannot_be_made_does_not_cost_the_conversion(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object, **named: object) -> None:
        raise ZeroDivisionError("no marks today")

    monkeypatch.setattr("auto_voice.utils.quality_metrics.QualityMetricsAggregator.compute_all_metrics", fail)
    result = studio.pipeline.convert_song(SONG_FILE, studio.voice)
    assert result.quality_metrics == {
        "overall_quality_score": None,
        "reason": "ZeroDivisionError: no marks today",
    }
    assert result.duration == SONG.duration


# --- dry vocals


def test_dry_vocals_need_no_separation(studio: Studio) -> None:
    dry = Audio(voice(3.0)[None], RATE)
    result = studio.pipeline.convert_vocals(dry, studio.voice)
    assert studio.separator.calls == 0
    np.testing.assert_allclose(result.mixed_audio.samples, -dry.samples, atol=0.02)
    assert result.metadata["separation_model"] == "none"


def test_dry_vocals_that_pass_the_cache_by_leave_nothing_in_it(studio: Studio) -> None:
    dry = Audio(voice(3.0)[None], RATE)
    studio.pipeline.convert_vocals(dry, studio.voice, use_cache=False)
    assert not list(studio.settings.storage.cache_dir.rglob("*.safetensors"))
    studio.pipeline.convert_vocals(dry, studio.voice)
    studio.pipeline.convert_vocals(dry, studio.voice)
    assert studio.converter.calls == 2


def test_scores_of_dry_vocals_can_be_left_out(studio: Studio) -> None:
    result = studio.pipeline.convert_vocals(Audio(voice(3.0)[None], RATE), studio.voice, with_scores=False)
    assert result.quality_metrics == {}


def test_vocals_without_a_voiced_sound_are_refused(studio: Studio) -> None:
    with pytest.raises(PitchExtractionFailedError):
        studio.pipeline.convert_vocals(Audio(np.zeros((1, 2 * RATE), np.float32), RATE), studio.voice)


def test_every_failure_is_one_of_ours(studio: Studio) -> None:
    for content in (b"RIFF", b"fLaC" + bytes(100), b"OggS" + bytes(100), b"ID3" + bytes(100)):
        with pytest.raises(AutoVoiceError):
            studio.pipeline.convert_song(content, studio.voice)
