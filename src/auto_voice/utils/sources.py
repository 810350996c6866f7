"""What callers hand to the quality metrics: paths or arrays, checked and brought into the stages' types."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from auto_voice.audio import Audio, DecodeLimits, decode
from auto_voice.errors import InvalidParametersError, NotFoundError
from auto_voice.features import PitchContour
from auto_voice.models.networks.ge2e import DIMENSIONS
from auto_voice.utils.speaker import Embedding

if TYPE_CHECKING:
    from auto_voice.config import Settings

Array: TypeAlias = NDArray[Any]
AudioSource: TypeAlias = "Audio | Path | str | bytes | Array"
ContourSource: TypeAlias = "PitchContour | Path | str | Array"
EmbeddingSource: TypeAlias = "Path | str | Array"

MAX_CHANNELS = 8
MAX_ARRAY_BYTES = 64 << 20
"""Largest .npy file that is read; a contour of ten minutes takes half a megabyte."""


def decode_limits(settings: Settings) -> DecodeLimits:
    """What the configuration lets in."""
    limits = settings.limits
    return DecodeLimits(max_bytes=limits.max_audio_size_mb << 20, max_seconds=float(limits.max_song_duration_s))


def load_audio(source: AudioSource, limits: DecodeLimits, sample_rate: int | None = None) -> Audio:
    """Audio from a file, a file's bytes, or samples.

    Args:
        source: samples are floating point, (frames,) or (channels, frames), full scale ±1.
        limits: how much of a file is read.
        sample_rate: Hz, of samples given as an array.

    Raises:
        InvalidAudioError: a file that can't be read.
        InvalidParametersError: samples of another type or shape, or without their rate.
    """
    if isinstance(source, Audio):
        return source
    if not isinstance(source, np.ndarray):
        return decode(source, limits)
    if sample_rate is None:
        raise InvalidParametersError("samples given as an array need their sample_rate")
    samples = np.atleast_2d(source)
    if not np.issubdtype(samples.dtype, np.floating) or samples.ndim != 2 or len(samples) > MAX_CHANNELS:
        raise InvalidParametersError(
            f"samples must be floating point, (frames,) or (channels, frames): {source.dtype} {source.shape}"
        )
    return Audio(np.ascontiguousarray(samples, dtype=np.float32), sample_rate)


def load_contour(source: ContourSource, audio: Audio) -> PitchContour:
    """A pitch contour from a .npy file or an array of Hz, spread evenly over the recording it belongs to.

    Frames that are zero, negative, NaN or infinite are unvoiced.

    Raises:
        NotFoundError: there is no such file.
        InvalidParametersError: not a one-dimensional array of numbers, or a file that isn't a plain .npy
            array.
    """
    if isinstance(source, PitchContour):
        return source
    f0 = _numbers(source, "a pitch contour")
    if f0.ndim != 1 or not f0.size:
        raise InvalidParametersError(f"a pitch contour is an array of shape (frames,), not {f0.shape}")
    with np.errstate(over="ignore"):
        hertz = f0.astype(np.float32)
    hertz = np.where(np.isfinite(hertz) & (hertz > 0), hertz, np.float32(0))
    hop = audio.duration / f0.size or 1.0  # of empty audio no frame can be compared, whatever its clock
    return PitchContour(f0=hertz, confidence=(hertz > 0).astype(np.float32), hop_seconds=hop)


def load_embedding(source: EmbeddingSource) -> Embedding:
    """A speaker embedding from a .npy file or an array, brought to unit norm: float32 (256,).

    Raises:
        NotFoundError: there is no such file.
        InvalidParametersError: another shape, not all finite, all zero, or a file that isn't a plain .npy
            array.
    """
    embedding = _numbers(source, "an embedding")
    if embedding.shape != (DIMENSIONS,):
        raise InvalidParametersError(
            f"an embedding has the shape ({DIMENSIONS},), not {embedding.shape}",
            suggestions=["Make it with the same speaker encoder: clone the voice again."],
        )
    wide = embedding.astype(np.float64)
    norm = float(np.linalg.norm(wide))
    if not np.isfinite(norm) or norm == 0.0:
        raise InvalidParametersError("the embedding is zero or has values that aren't finite")
    return (wide / norm).astype(np.float32)


def _numbers(source: Path | str | Array, what: str) -> Array:
    """The array, or the one in a .npy file (never unpickled), if it holds real numbers."""
    array = source if isinstance(source, np.ndarray) else _read(Path(source), what)
    if not (np.issubdtype(array.dtype, np.floating) or np.issubdtype(array.dtype, np.integer)):
        raise InvalidParametersError(f"{what} must hold numbers, not {array.dtype}")
    return array


def _read(path: Path, what: str) -> Array:
    try:
        if path.stat().st_size > MAX_ARRAY_BYTES:
            raise InvalidParametersError(f"{path.name} is too large for {what}")
        # Mapped, so that a header that lies about its size is refused instead of allocated.
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {path.name}") from error
    except (OSError, ValueError, EOFError, OverflowError, SyntaxError) as error:
        raise InvalidParametersError(f"{path.name} is not a plain .npy array: {what} was expected") from error
    if not isinstance(mapped, np.ndarray):
        mapped.close()
        raise InvalidParametersError(f"{path.name} is an archive: {what} in a single .npy was expected")
    return np.array(mapped)
