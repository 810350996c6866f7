"""A training clip: sound, and the decoder's content in it, token by token."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from auto_voice.atomic_file import atomic_write
from auto_voice.errors import InvalidAudioError

SAMPLE_RATE = 16_000
CONTENT_RATE = 40
CURVE_RATE = 80
_FIELDS = ("samples", "tokens", "durations", "vectors", "f0")


@dataclass(frozen=True, kw_only=True)
class Clip:
    """Sound of one voice whose content is known: one vector a token, for as many frames as the token lasts.

    Attributes:
        samples: int16 (n,), 16 kHz, mono.
        tokens: int16 (tokens,), numbers of Kokoro's vocabulary; 0 is silence.
        durations: int16 (tokens,), in frames of 25 ms.
        vectors: float16 (tokens, 512), the decoder's content.
        f0: float32 (2 × frames,), Hz at 80 frames a second; 0 where unvoiced. Empty where it is not known.
        text: the words.
        voice: who says them: stock voices joined by +, or where a recording is from.
        sung: whether it is singing.
        fit: mean log likelihood of a frame under the alignment; 0 where the alignment is exact.
    """

    samples: NDArray[np.int16]
    tokens: NDArray[np.int16]
    durations: NDArray[np.int16]
    vectors: NDArray[np.float16]
    f0: NDArray[np.float32]
    text: str
    voice: str
    sung: bool
    fit: float = 0.0

    @property
    def frames(self) -> int:
        """Content frames; each is 25 ms."""
        return int(self.durations.sum())

    @property
    def seconds(self) -> float:
        """Length."""
        return self.frames / CONTENT_RATE

    def frame_tokens(self) -> NDArray[np.int64]:
        """Which entry of `tokens` each frame belongs to, (frames,)."""
        return np.repeat(np.arange(len(self.durations)), self.durations)

    def save(self, path: Path) -> None:
        """Write the clip, whole or not at all.

        Raises:
            StorageError: it cannot be written.
        """
        arrays: dict[str, Any] = {name: getattr(self, name) for name in _FIELDS}
        with atomic_write(path) as file:
            np.savez(file, **arrays, text=self.text, voice=self.voice, sung=self.sung, fit=self.fit)

    @classmethod
    def load(cls, path: Path) -> Clip:
        """Read a clip.

        Raises:
            InvalidAudioError: the file is no clip.
        """
        try:
            with np.load(path, allow_pickle=False) as data:
                arrays: dict[str, Any] = {name: data[name] for name in _FIELDS}
                text, voice = str(data["text"]), str(data["voice"])
                return cls(**arrays, text=text, voice=voice, sung=bool(data["sung"]), fit=float(data["fit"]))
        except (ValueError, KeyError, OSError, EOFError, BadZipFile) as error:
            raise InvalidAudioError(f"{path} is not a training clip: {error}") from error


def clip_files(folder: Path) -> list[Path]:
    """The clips of a folder, by name."""
    return sorted(folder.glob("clip-*.npz"))
