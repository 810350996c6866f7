"""What Whisper hears in every clip, as it is and changed in ways that leave its alignment as it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from auto_voice.atomic_file import atomic_write
from auto_voice.audio import Audio, Samples
from auto_voice.features import Progress, no_progress
from auto_voice.inference.conversion.content_input import FRAME_SECONDS, active_frames, mapper_input
from auto_voice.training.clips import SAMPLE_RATE, Clip, clip_files
from auto_voice.training.perturb import level, perturbed, raised

if TYPE_CHECKING:
    from auto_voice.inference.content import ContentExtractor

VARIANTS = ("clean", "perturbed", "raised")
"""The clip itself; another throat and room; sung higher."""


def feature_file(clip: Path) -> Path:
    """Where the features of a clip are: float16 (variants, frames, features)."""
    return clip.with_name(clip.stem.replace("clip-", "features-") + ".npy")


def extract_features(folder: Path, content: ContentExtractor, seed: int = 0, progress: Progress = no_progress) -> int:
    """Compute the features of every clip of a folder that has none yet; returns how many were computed.

    Raises:
        InvalidAudioError: a file of the folder is no clip.
        ModelLoadError: Whisper is not installed.
        StorageError: the folder cannot be written.
    """
    clips = clip_files(folder)
    missing = [index for index, path in enumerate(clips) if not feature_file(path).is_file()]
    for done, index in enumerate(missing):
        progress(done / len(missing))
        other = Clip.load(clips[index - 1])  # the clip before, whose random changes do not depend on later clips
        with atomic_write(feature_file(clips[index])) as file:
            np.save(file, clip_features(Clip.load(clips[index]), other, content, seed, clips[index].stem))
    progress(1.0)
    return len(missing)


def clip_features(clip: Clip, other: Clip, content: ContentExtractor, seed: int, name: str) -> NDArray[np.float16]:
    """Features of a clip in each of VARIANTS, float16 (variants, frames, features); the same each time.

    Args:
        other: whose voice may be heard faintly under this one.
        name: of the clip; every name's random changes are its own.
    """
    random = np.random.default_rng([seed, *name.encode()])
    sound = level(_sound(clip))
    changed, ratio = perturbed(sound, _sound(other), random)
    if len(clip.f0):
        third, third_ratio = raised(sound, clip.f0, random), 1.0
    else:
        third, third_ratio = perturbed(sound, _sound(other), random)
    variants = ((sound, 1.0), (changed, ratio), (third, third_ratio))
    return np.stack([_features(each, times, clip.frames, content) for each, times in variants])


def _features(sound: Samples, ratio: float, frames: int, content: ContentExtractor) -> NDArray[np.float16]:
    audio = Audio(sound[None], SAMPLE_RATE)
    with torch.autocast("cpu", torch.bfloat16):  # twice as fast where the CPU multiplies such numbers itself
        heard = content.extract(audio)
    return mapper_input(heard, active_frames(audio, heard), FRAME_SECONDS * ratio)[:frames].astype(np.float16)


def _sound(clip: Clip) -> Samples:
    return np.divide(clip.samples, 32768, dtype=np.float32)
