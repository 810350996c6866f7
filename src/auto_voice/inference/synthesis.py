"""Text to speech, one sentence at a time: the stage's Protocol and the Kokoro engine."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from auto_voice.audio import Audio, Samples
from auto_voice.errors import InvalidParametersError, ModelLoadError
from auto_voice.inference.speech.text.phonemes import phonemes
from auto_voice.inference.speech.time_stretch import time_stretched
from auto_voice.inference.speech.voices import VOICES, Voice, voice_named

if TYPE_CHECKING:
    from auto_voice.config import Settings
    from auto_voice.models.runtime import ModelRuntime

Curve = NDArray[np.float32]
_NATURAL_SPEED = (
    0.5,
    1.2,
)  # faster by itself the model swallows sounds: 23 % WER at twice the speed, 0 % when stretched
_STYLE_ROWS = 510
_MOST_SOUNDS = _STYLE_ROWS - 2
_KEPT_BEFORE, _KEPT_AFTER = 4, 6  # content frames: the decoder needs a little silence to start and end from


class Synthesizer(Protocol):
    """Reads sentences aloud in stock voices."""

    name: str
    sample_rate: int

    def voices(self) -> list[Voice]:
        """The stock voices there are."""

    def synthesize_sentence(self, text: str, voice: str, speed: float = 1.0, pitch: float = 0.0) -> Audio:
        """Speak a normalised sentence (words and punctuation), mono, as the model gives it: untrimmed.

        Args:
            text: at most about 400 characters.
            voice: a stock voice, or several mixed ("af_heart+am_adam").
            speed: 1 is the model's own; 2 is twice as fast.
            pitch: semitones up.
        """


@dataclass(frozen=True, kw_only=True)
class Prosody:
    """A sentence between the two halves of the model: what is said, how high and how loud, frame by frame.

    Attributes:
        content: float32 (512, frames), 40 Hz.
        f0: float32 (2 × frames,), Hz; near or below 0 where unvoiced.
        energy: float32 (2 × frames,), log loudness.
        style: float32 (256,), the voice.
    """

    content: Curve
    f0: Curve
    energy: Curve
    style: Curve

    @property
    def frames(self) -> int:
        """Content frames; each is 25 ms."""
        return int(self.content.shape[1])

    def cropped(self, before: int, after: int) -> Prosody:
        """Without the silence that the model puts around a sentence, but for so many frames of it.

        The first and the last token are always padding; their frames are alike, all others differ from
        theirs.
        """
        starts = np.flatnonzero(np.any(np.diff(self.content, axis=1) != 0, axis=0)) + 1
        if not len(starts):
            return self
        first, last = max(0, starts[0] - before), min(self.frames, starts[-1] + after)
        fine = slice(2 * first, 2 * last)
        return replace(self, content=self.content[:, first:last], f0=self.f0[fine], energy=self.energy[fine])

    def rewarped(self, places: NDArray[np.floating[Any]]) -> Prosody:
        """Read at new places: frame i of the result is the frame at `places[i]` (in frames) of this one."""
        fine = np.interp(np.arange(2 * len(places)) / 2, np.arange(len(places)), places) * 2
        clock = np.arange(len(self.f0))
        content = self.content[:, np.clip(places.astype(int), 0, self.frames - 1)]
        f0, energy = (np.interp(fine, clock, curve).astype(np.float32) for curve in (self.f0, self.energy))
        return replace(self, content=content, f0=f0, energy=energy)


class KokoroSynthesizer:
    """Kokoro-82M (Apache-2.0) on ONNX Runtime, in the two halves of `models.kokoro_graph`.

    Pitch is changed between the halves, by scaling the F0 curve the decoder is given, so that timbre and
    rhythm stay. Speed is the model's own from 0.5 to 1.2; the rest of 0.25 to 4 is made by time-stretching.
    Thread-safe; it holds no state but the runtime's shared sessions.

    Args:
        second_half: makes the samples instead of the model's own decoder.
    """

    name = "kokoro"
    sample_rate = 24000

    def __init__(
        self,
        settings: Settings,
        runtime: ModelRuntime,
        second_half: Callable[[Prosody], Audio] | None = None,
    ) -> None:
        self._settings = settings
        self._runtime = runtime
        self._second_half = second_half

    def with_second_half(self, decode: Callable[[Prosody], Audio]) -> KokoroSynthesizer:
        """The same reader through another decoder, which gives it its voice; 600 samples a content frame."""
        return KokoroSynthesizer(self._settings, self._runtime, decode)

    def voices(self) -> list[Voice]:
        """All 54; each reads English."""
        return list(VOICES.values())

    def synthesize_sentence(self, text: str, voice: str, speed: float = 1.0, pitch: float = 0.0) -> Audio:
        """See Synthesizer."""
        first = voice_named(voice.split("+")[0])
        sounds = phonemes(text, "gb" if first.british else "us")
        # Letters that are spelled one by one make more sounds than the model takes at once.
        parts = textwrap.wrap(sounds, _MOST_SOUNDS, break_on_hyphens=False) or [""]
        spoken = [self._speak(part, voice, speed, pitch) for part in parts]
        return Audio(np.concatenate([part.samples for part in spoken], axis=1), self.sample_rate)

    def _speak(self, sounds: str, voice: str, speed: float, pitch: float) -> Audio:
        natural = float(np.clip(speed, *_NATURAL_SPEED))
        prosody = self.prosody(sounds, voice, natural).cropped(_KEPT_BEFORE, _KEPT_AFTER)
        if pitch:
            prosody = replace(prosody, f0=prosody.f0 * np.float32(2 ** (pitch / 12)))
        speech = (self._second_half or self.decode)(prosody)
        return speech if natural == speed else time_stretched(speech, natural / speed)

    def prosody(self, sounds: str, voice: str, speed: float = 1.0) -> Prosody:
        """Run the first half on phonemes.

        Raises:
            InvalidParametersError: more phonemes than the model takes (508), or none it knows.
        """
        known = vocabulary()
        tokens = [known[sound] for sound in sounds if sound in known]
        if not 0 < len(tokens) <= _MOST_SOUNDS:
            raise InvalidParametersError(f"a sentence of {len(tokens)} sounds; the model takes 1 to {_MOST_SOUNDS}")
        style = self.style(voice, len(tokens))
        inputs = {
            "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
            "style": style[None],
            "speed": np.array([speed], dtype=np.float32),
        }
        content, f0, energy = self._run("encoder.onnx", inputs)
        return Prosody(content=content[0], f0=f0[0], energy=energy[0], style=style)

    def decode(self, prosody: Prosody) -> Audio:
        """Run the second half; 600 samples a content frame."""
        inputs = [prosody.content, prosody.f0, prosody.energy, prosody.style]
        (samples,) = self._run("decoder.onnx", [np.ascontiguousarray(each[None], np.float32) for each in inputs])
        return Audio(np.asarray(samples, dtype=np.float32).reshape(1, -1), self.sample_rate)

    def style(self, voice: str, tokens: int) -> Curve:
        """The style vector of a voice, or the mean of several, for a sentence of that many tokens; (256,)."""
        names = [voice_named(name.strip()).name for name in voice.split("+")]
        rows = np.stack([self._voice_table(name)[tokens] for name in names])
        return np.asarray(rows.mean(axis=0), dtype=np.float32)

    def _voice_table(self, name: str) -> Samples:
        path = self._runtime.model_file("kokoro-voices", f"{name}.bin")
        table = np.fromfile(path, dtype="<f4")
        if table.size != _STYLE_ROWS * 256:
            raise ModelLoadError(
                f"voice file {path.name} is damaged", suggestions=["autovoice models verify kokoro-voices"]
            )
        return table.reshape(_STYLE_ROWS, 256)

    def _run(self, file: str, inputs: dict[str, Any] | Sequence[Any]) -> list[Any]:
        def work(device: str, scale: float) -> list[Any]:  # noqa: ARG001 - a sentence cannot be made smaller
            with self._runtime.lease(f"kokoro-82m/{file}", lambda device: self._load(file, device)) as session:
                names = [each.name for each in session.get_inputs()]
                given = inputs if isinstance(inputs, dict) else dict(zip(names, inputs, strict=True))
                outputs: list[Any] = session.run(None, given)
                return outputs

        return self._runtime.run(work, "speech synthesis")

    def _load(self, file: str, device: str) -> Any:
        import onnxruntime

        path = self._runtime.model_file("kokoro-82m", file)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = _cores()
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Threads that wait by spinning take the cores from whatever else runs, other sessions of ours included.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        providers = ["CPUExecutionProvider"]
        if device.startswith("cuda") and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
            providers.insert(0, "CUDAExecutionProvider")
        try:
            return onnxruntime.InferenceSession(str(path), options, providers=providers)
        except Exception as error:  # ONNX Runtime's own errors share no base class
            raise ModelLoadError(
                f"{path} cannot be loaded: {error}", suggestions=["autovoice models verify kokoro-82m"]
            ) from error


@cache
def vocabulary() -> dict[str, int]:
    """Token number of each phoneme and punctuation mark, as Kokoro's published configuration has them."""
    file = resources.files(__package__) / "speech" / "text" / "data" / "kokoro_vocabulary.json"
    table: dict[str, int] = json.loads(file.read_text(encoding="utf-8"))
    return table


def _cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
