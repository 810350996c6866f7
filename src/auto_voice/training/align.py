"""Real speech as training clips: where each sound of its transcript is, found with a mapper trained before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from auto_voice.audio import Audio, Samples, decode, resample_samples
from auto_voice.errors import ProcessingError
from auto_voice.features import PitchContour, Progress, no_progress
from auto_voice.inference.conversion.alignment import best_path, distances, fits, log_likelihoods
from auto_voice.inference.conversion.content_input import active_frames, mapper_input
from auto_voice.inference.speech.singing import token_borders
from auto_voice.inference.speech.text.normalise import normalise
from auto_voice.inference.speech.text.phonemes import phonemes
from auto_voice.inference.speech.voices import DEFAULT_VOICE
from auto_voice.inference.synthesis import vocabulary
from auto_voice.models.networks.content_mapper import ContentMapper
from auto_voice.training.clips import CONTENT_RATE, CURVE_RATE, SAMPLE_RATE, Clip
from auto_voice.training.perturb import level

if TYPE_CHECKING:
    from auto_voice.inference.content import ContentExtractor
    from auto_voice.inference.pitch import PitchExtractor
    from auto_voice.training.generate import Halves

_SAMPLES_PER_FRAME = SAMPLE_RATE // CONTENT_RATE
_FEWEST_SOUNDS, _MOST_SOUNDS = 20, 480
_LEAST_FRAMES_PER_SOUND = 1.3


@dataclass(frozen=True)
class Aligner:
    """What alignment stands on.

    Attributes:
        mapper: of the first round.
        synthesizer: whose first half says what content the sounds of a text have.
        content: hears the recordings.
        pitch: finds their F0.
    """

    mapper: ContentMapper
    synthesizer: Halves
    content: ContentExtractor
    pitch: PitchExtractor

    def align(self, recording: Audio, text: str, name: str) -> Clip | None:
        """A clip of a recording.

        None where the words cannot be those of the recording: too few, or too many for its length.
        """
        sounds = phonemes(normalise(text).text)
        samples = _whole_frames(recording)
        frames = len(samples) // _SAMPLES_PER_FRAME
        if not _FEWEST_SOUNDS <= len(sounds) <= _MOST_SOUNDS or frames < _LEAST_FRAMES_PER_SOUND * len(sounds):
            return None
        spoken = self.synthesizer.prosody(sounds, DEFAULT_VOICE)
        try:
            borders = token_borders(spoken, len(sounds))
        except ProcessingError:  # two neighbouring sounds are alike: their border cannot be seen
            return None
        vectors = np.ascontiguousarray(spoken.content[:, borders[:-1]].T)
        tokens = np.array([0, *(vocabulary()[sound] for sound in sounds), 0])
        sound = Audio(samples[None], SAMPLE_RATE)
        durations, fit = best_path(self._fits(sound, tokens, vectors)[:frames])
        return Clip(
            samples=np.asarray(np.round(samples * 32767), np.int16),
            tokens=tokens.astype(np.int16),
            durations=durations.astype(np.int16),
            vectors=vectors.astype(np.float16),
            f0=_curve(self.pitch.extract(sound), 2 * frames),
            text=text,
            voice=name,
            sung=False,
            fit=fit,
        )

    def _fits(self, sound: Audio, tokens: NDArray[np.int64], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """How well each frame of a sound fits each token."""
        heard = self.content.extract(sound)
        features = torch.from_numpy(mapper_input(heard, active_frames(sound, heard)))[None]
        with torch.inference_mode():
            normal, logits = self.mapper.normalised(features)
        likely = log_likelihoods(logits[0], self.mapper, tokens)
        return fits(likely, distances(normal[0], self.mapper, vectors))


def align_recordings(
    recordings: list[Path],
    transcripts: dict[str, str],
    folder: Path,
    aligner: Aligner,
    progress: Progress = no_progress,
) -> int:
    """Write a clip of each transcribed recording that has none yet; returns how many.

    Raises:
        InputError: a recording cannot be read.
        ModelLoadError: a model is not installed.
        StorageError: the folder cannot be written.
    """
    written = 0
    for number, path in enumerate(recordings):
        progress(number / len(recordings))
        target = folder / f"clip-{number:05d}.npz"
        if path.stem in transcripts and not target.is_file():
            clip = aligner.align(decode(path), transcripts[path.stem], path.stem)
            if clip is not None:
                clip.save(target)
                written += 1
    progress(1.0)
    return written


def _whole_frames(recording: Audio) -> Samples:
    """Mono, 16 kHz, at the usual level, without the last part of a frame."""
    samples = level(resample_samples(recording.mono(), recording.sample_rate, SAMPLE_RATE))
    samples = samples[: len(samples) // _SAMPLES_PER_FRAME * _SAMPLES_PER_FRAME]
    return np.clip(samples, -1.0, 1.0)


def _curve(contour: PitchContour, length: int) -> NDArray[np.float32]:
    """F0 at 80 values a second, frame i centred at (i + 0.5) / 80 s."""
    nearest = np.round((np.arange(length) + 0.5) / CURVE_RATE / contour.hop_seconds).astype(np.int64)
    return contour.f0[np.minimum(nearest, len(contour.f0) - 1)]
