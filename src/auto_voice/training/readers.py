"""What real readers say, taken apart for the decoder: as they read it, and moved to where singers' voices lie.

Everything is kept that does not depend on the content mapper, so that another mapper needs no new files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from auto_voice.atomic_file import atomic_write
from auto_voice.audio import Audio, decode, resample_samples
from auto_voice.errors import InvalidAudioError, InvalidParametersError
from auto_voice.features import PitchContour, Progress, no_progress
from auto_voice.inference.content import ContentExtractor, WhisperContent
from auto_voice.inference.conversion.decoder_input import content_frames, curves, decoder_samples
from auto_voice.inference.conversion.pitch_shift import shift_pitch
from auto_voice.inference.pitch import PitchExtractor
from auto_voice.inference.pitch.fcpe import FcpeExtractor
from auto_voice.models.networks.style_decoder import SAMPLES_PER_FRAME
from auto_voice.models.runtime import ModelRuntime
from auto_voice.training.processes import several
from auto_voice.utils.speaker import SpeakerEncoder, VoiceEncoder

if TYPE_CHECKING:
    from auto_voice.config import Settings

COPIES = ("read", "raised", "high", "lowered")
"""As it was read; a third to an octave higher; up where sopranos sing; somewhat lower."""

VALIDATION_EVERY = 31
"""One reader in so many serves to validate."""

_LONGEST_SECONDS = 16
_RAISED_SEMITONES = (3.0, 13.0)
_HIGH_HZ = (330.0, 780.0)
_HIGHEST_SEMITONES = 28.0
_LOWERED_SEMITONES = (2.0, 7.0)
_CEILING_HZ = 920.0
_SHIFTING_RATE = 48_000
"""Pitch is shifted at a high rate, for periods are rounded to samples, which is heard in high notes."""
_FIELDS = ("features", "samples", "f0", "energy", "gain", "embedding")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One reader's utterance at one pitch.

    Attributes:
        features: float16 (frames, features), what the content mapper is shown; 40 a second.
        samples: float16 (600 × frames,), 24 kHz, at the recording's own level.
        f0, energy: float32 (2 × frames,), see DecoderInput.
        gain: see DecoderInput.
        embedding: float32 (256,), the reader's voice, at the pitch it was read.
        reader: which one.
        copy: one of COPIES.
    """

    features: NDArray[np.float16]
    samples: NDArray[np.float16]
    f0: NDArray[np.float32]
    energy: NDArray[np.float32]
    gain: float
    embedding: NDArray[np.float32]
    reader: str
    copy: str

    @property
    def frames(self) -> int:
        """Frames of content; each is 25 ms."""
        return len(self.features)

    def save(self, path: Path) -> None:
        """Write it, whole or not at all.

        Raises:
            StorageError: it cannot be written.
        """
        arrays: dict[str, Any] = {name: getattr(self, name) for name in _FIELDS}
        with atomic_write(path) as file:
            np.savez(file, **arrays, reader=self.reader, copy=self.copy)

    @classmethod
    def load(cls, path: Path) -> Reading:
        """Read it.

        Raises:
            InvalidAudioError: the file is no reading.
        """
        try:
            with np.load(path, allow_pickle=False) as data:
                arrays: dict[str, Any] = {name: data[name] for name in _FIELDS}
                arrays["gain"] = float(arrays["gain"])
                return cls(**arrays, reader=str(data["reader"]), copy=str(data["copy"]))
        except (ValueError, KeyError, OSError, EOFError, BadZipFile) as error:
            raise InvalidAudioError(f"{path} is not a reading: {error}") from error


@dataclass(frozen=True)
class Analysis:
    """Takes readings apart, with the engines that converting uses."""

    pitch: PitchExtractor
    content: ContentExtractor
    voice: VoiceEncoder

    @classmethod
    def installed(cls, settings: Settings) -> Analysis:
        """With the installed models, on the CPU."""
        runtime = ModelRuntime(settings, "cpu")
        return cls(FcpeExtractor(runtime), WhisperContent(runtime), SpeakerEncoder(runtime))

    def take_apart(self, recording: Audio, contour: PitchContour) -> dict[str, Any]:
        """The fields of a Reading that follow from the sound alone."""
        samples = decoder_samples(recording)
        f0, energy, gain = curves(samples, contour)
        features = content_frames(recording, self.content.extract(recording), len(samples) // SAMPLES_PER_FRAME)
        halved = {"features": features.astype(np.float16), "samples": samples.astype(np.float16)}
        return {**halved, "f0": f0, "energy": energy, "gain": gain}


def readings_of(recording: Audio, reader: str, analysis: Analysis, seed: int) -> list[Reading]:
    """A recording in each of COPIES; the same each time.

    Raises:
        AutoVoiceError: no voice can be recognised in it.
    """
    random = np.random.default_rng([seed, *reader.encode()])
    contour = analysis.pitch.extract(recording)
    embedding = analysis.voice.embed(recording)
    wide = resample_samples(recording.mono(), recording.sample_rate, _SHIFTING_RATE)
    result = []
    for copy, semitones in zip(COPIES, _shifts(contour, random), strict=True):
        heard, there = recording, contour
        if semitones:
            heard = shift_pitch(Audio(wide[None], _SHIFTING_RATE), contour, semitones)
            there = replace(contour, f0=contour.f0 * np.float32(2 ** (semitones / 12)))
        parts = analysis.take_apart(heard, there)
        result.append(Reading(**parts, embedding=embedding, reader=reader, copy=copy))
    return result


def prepare_readers(
    recordings: Sequence[Path],
    folder: Path,
    settings: Settings,
    *,
    seed: int = 0,
    workers: int = 1,
    progress: Progress = no_progress,
) -> int:
    """Take apart the first recording of every reader; those that are there already are kept.

    Args:
        recordings: by name, which begins with the reader's, up to the first hyphen.
        folder: of the results.
        workers: processes.

    Returns:
        How many recordings were taken apart.

    Raises:
        InputError: a recording cannot be read, or no voice be recognised in it.
        StorageError: the folder cannot be written.
    """
    first: dict[str, Path] = {}
    for path in recordings:
        first.setdefault(path.stem.partition("-")[0], path)
    missing = [path for reader, path in first.items() if not _file(folder, reader, COPIES[-1]).is_file()]
    work = partial(_prepare, folder=folder, settings=settings, seed=seed)
    with several(workers) as pool:
        for done, _ in enumerate(pool.map(work, missing)):
            progress((done + 1) / len(missing))
    progress(1.0)
    return len(missing)


def reading_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """The readings of a folder: those to train with, and those of other readers to validate with.

    Raises:
        InvalidParametersError: either kind is missing.
    """
    paths = sorted(folder.glob("reading-*.npz"))
    readers = sorted({path.stem.split("-")[1] for path in paths})
    validating = set(readers[VALIDATION_EVERY // 2 :: VALIDATION_EVERY])
    training = [path for path in paths if path.stem.split("-")[1] not in validating]
    validation = [path for path in paths if path.stem.split("-")[1] in validating]
    if not training or not validation:
        raise InvalidParametersError(f"{folder} holds readings of {len(readers)} readers; too few to train with")
    return training, validation


def _prepare(path: Path, folder: Path, settings: Settings, seed: int) -> None:
    global _analysis
    if _analysis is None:
        _analysis = Analysis.installed(settings)
    recording = decode(path)
    recording = Audio(recording.samples[:, : _LONGEST_SECONDS * recording.sample_rate], recording.sample_rate)
    reader = path.stem.partition("-")[0]
    for reading in readings_of(recording, reader, _analysis, seed):
        reading.save(_file(folder, reader, reading.copy))


_analysis: Analysis | None = None
"""Of this process: the networks are loaded once."""


def _shifts(contour: PitchContour, random: np.random.Generator) -> tuple[float, float, float, float]:
    """Semitones for each of COPIES, none of which leaves the range of voices."""
    voiced = contour.f0[contour.voiced]
    median, highest = (float(value) for value in np.percentile(voiced, (50, 95))) if len(voiced) else (150.0, 200.0)
    room = 12 * np.log2(_CEILING_HZ / highest)
    raised = min(room, random.uniform(*_RAISED_SEMITONES))
    high = min(room, _HIGHEST_SEMITONES, 12 * np.log2(np.exp(random.uniform(*np.log(_HIGH_HZ))) / median))
    return 0.0, raised, max(raised, high), -random.uniform(*_LOWERED_SEMITONES)


def _file(folder: Path, reader: str, copy: str) -> Path:
    return folder / f"reading-{reader}-{copy}.npz"
