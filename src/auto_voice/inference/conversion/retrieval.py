"""The training-free converter: the target's own sounds, looked up, colour the source's own waveform."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from auto_voice.audio import Audio, resample_samples
from auto_voice.errors import ConversionFailedError, LowQualityAudioError
from auto_voice.features import (
    ContentFeatures,
    PitchContour,
    Progress,
    VoiceState,
    no_progress,
    part_of,
)
from auto_voice.inference.conversion import shaping
from auto_voice.inference.conversion.envelope import (
    FRAMES_PER_SECOND,
    SAMPLE_RATE,
    Cepstra,
    EnvelopeTrack,
    interpolate_frames,
    normalise_level,
    track_envelopes,
)
from auto_voice.inference.conversion.filtering import apply_envelope_change, restore_loudness
from auto_voice.inference.conversion.matching import Sounds, find_neighbours, normalise_content
from auto_voice.inference.conversion.pitch_shift import shift_pitch

DEFAULT_LIKENESS = 0.15
"""Share of the retrieved sounds against the statistically moved source: more is more alike, and loses words."""

_FULL_RANGE = 7.4
_VOICED_RANGE = 9.5
_ABOVE_NOISE = 1.6
_NOISE_DISTANCE = 4.6
_LAYERS = 2
"""The first layers of the content; the later ones know more of words and less of sounds."""

_MINIMUM_ACTIVE_FRAMES = 200
"""Four seconds of sounds: fewer cannot hold every sound of a language even once."""


class RetrievalConverter:
    """Envelopes retrieved by content (kNN-VC's idea), blended with the source's own, as a filter on its waveform.

    Follows the pitch exactly, works at any pitch, in stereo and at the full band, and needs no training. Thread-safe.

    Args:
        likeness: 0–1, how much of the retrieved sound; see DEFAULT_LIKENESS.
    """

    name = "retrieval"

    def __init__(self, likeness: float = DEFAULT_LIKENESS) -> None:
        self._likeness = likeness

    def learn(self, recording: Audio, contour: PitchContour, content: ContentFeatures) -> VoiceState:
        """See Converter; keeps the recording's sounds (about 7 MB a minute) and their statistics.

        Raises:
            LowQualityAudioError: there are not four seconds of voice in it.
        """
        track, f0, active = _analyse(recording, contour)
        sounds, centres = _sounds(content, f0, active)
        if sounds.active.sum() < _MINIMUM_ACTIVE_FRAMES:
            raise LowQualityAudioError(
                "the recording holds less than four seconds of voice",
                suggestions=["record 30 to 120 seconds of speech or singing"],
            )
        statistics = shaping.measure(track.shapes, f0 > 0, active)
        return {
            "content": sounds.content,
            "content_model": np.frombuffer(content.model.encode(), np.uint8).copy(),
            "f0": sounds.f0,
            "active": sounds.active,
            "shapes": track.shapes[centres],
            **{f"statistics.{name}": value for name, value in statistics._asdict().items()},
        }

    def fits(self, voice: VoiceState, content_model: str) -> bool:
        """See Converter."""
        return "content_model" in voice and bytes(voice["content_model"]).decode() == content_model

    def convert(
        self,
        vocals: Audio,
        contour: PitchContour,
        content: ContentFeatures,
        voice: VoiceState,
        semitones: float = 0.0,
        progress: Progress = no_progress,
    ) -> Audio:
        """See Converter.

        Raises:
            ConversionFailedError: the voice was learnt with another content model.
        """
        if not self.fits(voice, content.model):
            raise ConversionFailedError(
                "this voice was learnt with another content model",
                suggestions=["clone the voice again from its recording"],
            )
        progress(0.0)
        source = shift_pitch(vocals, contour, semitones, part_of(progress, 0.0, 0.25)) if semitones else vocals
        ratio = np.float32(2 ** (semitones / 12))
        moved = PitchContour(f0=contour.f0 * ratio, confidence=contour.confidence, hop_seconds=contour.hop_seconds)
        track, f0, active = _analyse(source, moved)
        progress(0.35)
        sounds, centres = _sounds(content, f0, active)
        target = Sounds(voice["content"], voice["f0"], voice["active"])
        neighbours = find_neighbours(sounds, target, part_of(progress, 0.35, 0.6))
        retrieved = interpolate_frames(
            neighbours.blend(voice["shapes"]), np.interp(np.arange(len(f0)), centres, np.arange(len(centres)))
        )
        statistics = shaping.Statistics(*(voice[f"statistics.{name}"] for name in shaping.Statistics._fields))
        change = self._change(track, f0 > 0, active, retrieved, statistics)
        converted = apply_envelope_change(source, change, part_of(progress, 0.6, 1.0))
        return restore_loudness(converted, vocals)

    def _change(
        self,
        track: EnvelopeTrack,
        voiced: NDArray[np.bool_],
        active: NDArray[np.bool_],
        retrieved: Cepstra,
        target: shaping.Statistics,
    ) -> Cepstra:
        """Cepstra of the log power gain that turns the source's envelopes into the target's."""
        sung = active & voiced
        warp = shaping.best_warp(track.shapes[sung], retrieved[sung])
        source = shaping.warp_frequencies(track.shapes, warp)
        moved = shaping.move_mean(source, voiced, shaping.measure(source, voiced, active), target)
        blended = self._likeness * retrieved + (1 - self._likeness) * moved
        wanted, _ = normalise_level(shaping.restore_spread(blended, voiced, active, target))
        change = wanted - track.shapes
        silent = ~active
        if silent.any():
            # Where nobody sings, the room changes as a whole: shaping noise frame by frame would make it flutter.
            known = np.isfinite(target.pauses).all()
            change[silent] = target.pauses - track.shapes[silent].mean(axis=0) if known else 0.0
        return _smooth(change)


def _analyse(audio: Audio, contour: PitchContour) -> tuple[EnvelopeTrack, NDArray[np.float32], NDArray[np.bool_]]:
    """Envelopes, F0 and activity of a recording, every 10 ms."""
    samples = resample_samples(audio.mono(), audio.sample_rate, SAMPLE_RATE)
    frames = len(samples) // (SAMPLE_RATE // FRAMES_PER_SECOND) + 1
    nearest = np.round(np.arange(frames) / FRAMES_PER_SECOND / contour.hop_seconds).astype(np.int64)
    f0 = contour.f0[np.minimum(nearest, len(contour.f0) - 1)] if len(contour.f0) else np.zeros(frames, np.float32)
    track = track_envelopes(samples, f0)
    return track, f0, _active(track.levels, f0 > 0)


def _active(levels: NDArray[np.float32], voiced: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where somebody makes a sound: within 32 dB of the loud parts (41 dB where voiced) and 7 dB above the noise.

    The noise is at least 20 dB below the loud parts: where nobody ever pauses, the quietest is not noise.
    """
    loud = np.percentile(levels, 95)
    noise = min(np.percentile(levels, 4) + _ABOVE_NOISE, loud - _NOISE_DISTANCE)
    floor = np.where(voiced, max(loud - _VOICED_RANGE, noise - 0.9), max(loud - _FULL_RANGE, noise))
    return np.asarray(levels > floor)


def _sounds(
    content: ContentFeatures, f0: NDArray[np.float32], active: NDArray[np.bool_]
) -> tuple[Sounds, NDArray[np.int64]]:
    """The recording every 20 ms, where there is content; and which 10 ms frame each of them is."""
    count = content.frames.shape[1]
    centres = np.round((np.arange(count) + 0.5) * content.hop_seconds * FRAMES_PER_SECOND).astype(np.int64)
    centres = np.minimum(centres, len(f0) - 1)
    return (
        Sounds(normalise_content(content.frames[:_LAYERS], active[centres]), f0[centres], active[centres]),
        centres,
    )


def _smooth(change: Cepstra) -> Cepstra:
    """Soften steps of the gain between neighbouring frames, which would be heard as roughness."""
    return np.asarray(gaussian_filter1d(change, 0.7, axis=0))
