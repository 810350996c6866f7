"""Fit a voice to a recording: gradient descent on what a DecoderVoice holds, through a decoder that stays as it is.

A song lies where its singer's voice lies, not where the recording does. So at half of the steps the voice says what was
recorded at another pitch, where nothing is there to compare it with but the speaker: the fitted voice has to be itself
there too.

A step makes a second of speech, which the decoder would normalise by itself alone; a song is sung phrase by phrase. So
each step is normalised as if it stood beside a longer stretch of the recording, see Surroundings.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call

from auto_voice.audio import Samples
from auto_voice.errors import ConversionFailedError, LowQualityAudioError
from auto_voice.features import Progress, no_progress
from auto_voice.inference.conversion.decoder_input import DecoderInput, phrases
from auto_voice.inference.conversion.decoder_voice import DecoderVoice, split_film
from auto_voice.models.networks.style_decoder import CONTENT_RATE, SAMPLES_PER_FRAME, StyleDecoder
from auto_voice.models.networks.surroundings import Surroundings


class Aims(Protocol):
    """What is to become small, () each; samples are (batch, samples) at 24 kHz."""

    def as_recorded(self, made: Tensor, wanted: Tensor) -> Tensor:
        """Compare with the recording, whose content, melody and loudness were asked for."""

    def elsewhere(self, made: Tensor, f0: Tensor) -> Tensor:
        """Judge the same words on another pitch; f0 in Hz, (batch, 2 a frame)."""


SEGMENT_FRAMES = round(1.2 * CONTENT_RATE)

_AROUND_FRAMES = round(6.0 * CONTENT_RATE)
_LOOK_AROUND_STEPS = 25
"""Steps after which the voice has changed enough for its surroundings to be listened to anew."""

_STYLE_RATE, _FILM_RATE = 0.02, 0.01
_BETAS = (0.8, 0.99)
_WARM_UP_STEPS = 10
_DECAY_FROM, _LAST_RATE = 0.6, 0.05
_LARGEST_GRADIENT = 5.0
_LEAST_VOICED = 0.25

_ELSEWHERE_SHARE = 0.5
_ELSEWHERE_SEMITONES = (-7.0, 12.0)
_ELSEWHERE_HZ = (80.0, 600.0)
"""Where the decoder's own median may be moved to."""

_DRAWS = 6


@dataclass(frozen=True, kw_only=True)
class FittingPlan:
    """How long a voice is fitted.

    Attributes:
        steps: most steps of gradient descent.
        max_seconds: after so long no further step is begun; the learning rates fall in time for it.
        seed: of the choice of segments.
    """

    steps: int = 200
    max_seconds: float = 240.0
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class FittedVoice:
    """A voice, and the loss at each of the steps that led to it."""

    voice: DecoderVoice
    losses: tuple[float, ...]


def fit_voice(
    decoder: StyleDecoder,
    start: DecoderVoice,
    given: DecoderInput,
    samples: Samples,
    aims: Aims,
    plan: FittingPlan,
    *,
    device: str = "cpu",
    progress: Progress = no_progress,
    clock: Callable[[], float] = time.monotonic,
) -> FittedVoice:
    """Fit a voice to a recording.

    Args:
        decoder: on `device`, its parameters without gradients; shared with others, so never changed.
        start: the voice to begin from.
        given: the recording, taken apart.
        samples: the recording by `decoder_samples`.
        aims: on `device`.
        plan: for how long.
        device: "cpu" or "cuda:N".
        progress: called before every step; cancels by raising.
        clock: seconds, monotonic.

    Returns:
        The same voice for the same arguments, unless the time runs out before the steps do.

    Raises:
        LowQualityAudioError: no phrase of the recording is long enough.
        ConversionFailedError: what was made is no sound any more.
    """
    random = np.random.default_rng(plan.seed)
    segments = _Segments(given, samples, random)
    shifts = _shifts(given.f0)
    style, film = (torch.tensor(part, device=device, requires_grad=True) for part in (start.style, start.film))
    optimiser = torch.optim.Adam([{"params": style}, {"params": film}], betas=_BETAS)
    stretch = _most_voice(given)
    surroundings = Surroundings()
    losses: list[float] = []
    begun = clock()
    while (done := max(len(losses) / plan.steps, (clock() - begun) / plan.max_seconds)) < 1:
        progress(done)
        pace = _pace(len(losses), done)
        for group, rate in zip(optimiser.param_groups, (_STYLE_RATE, _FILM_RATE), strict=True):
            group["lr"] = rate * pace
        biases = split_film(decoder, film)
        if len(losses) % _LOOK_AROUND_STEPS == 0:
            with surroundings.watching(), torch.no_grad():
                functional_call(decoder, biases, (*given.tensors(*stretch, device), style[None]))
        first, end = segments.draw()
        content, f0, energy = given.tensors(first, end, device)
        is_elsewhere = random.random() < _ELSEWHERE_SHARE
        if is_elsewhere:
            f0 = f0 * float(2 ** (random.uniform(*shifts) / 12))
        with surroundings.around():
            made = functional_call(decoder, biases, (content, f0, energy, style[None]))
        loss = (
            aims.elsewhere(made, f0) if is_elsewhere else aims.as_recorded(made, segments.samples(first, end, device))
        )
        losses.append(loss.item())
        if not np.isfinite(losses[-1]):
            raise ConversionFailedError("the voice could not be fitted: what the decoder made is no sound any more")
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([style, film], _LARGEST_GRADIENT)
        optimiser.step()
    progress(1.0)
    return FittedVoice(voice=DecoderVoice(style=_numbers(style), film=_numbers(film)), losses=tuple(losses))


class _Segments:
    """Pieces of a recording's phrases, drawn at random; what lies between the phrases holds no voice to learn from."""

    def __init__(self, given: DecoderInput, samples: Samples, random: np.random.Generator) -> None:
        self._f0 = given.f0
        self._samples = samples * np.float32(given.gain)
        self._phrases = [(first, end) for first, end in phrases(given.energy) if end - first >= SEGMENT_FRAMES]
        if not self._phrases:
            raise LowQualityAudioError(
                f"no phrase of the recording lasts {SEGMENT_FRAMES / CONTENT_RATE:g} s",
                suggestions=["record 30 to 120 seconds of whole sentences or sung lines"],
            )
        lengths = np.array([end - first for first, end in self._phrases], np.float64)
        self._shares = lengths / lengths.sum()
        self._random = random

    def draw(self) -> tuple[int, int]:
        """First and end frame of a piece, if it can be had of one with some voice in it."""
        for _ in range(_DRAWS):
            start, stop = self._phrases[self._random.choice(len(self._phrases), p=self._shares)]
            first = int(self._random.integers(start, stop - SEGMENT_FRAMES + 1))
            end = first + SEGMENT_FRAMES
            if np.mean(self._f0[2 * first : 2 * end] > 0) > _LEAST_VOICED:
                break
        return first, end

    def samples(self, first: int, end: int, device: str) -> Tensor:
        """What the decoder should make of frames `first` to `end`; (1, samples)."""
        return torch.from_numpy(self._samples[first * SAMPLES_PER_FRAME : end * SAMPLES_PER_FRAME])[None].to(device)


def _most_voice(given: DecoderInput) -> tuple[int, int]:
    """First and end frame of the stretch, as long as surroundings are to be, in which there is most voice."""
    length = min(_AROUND_FRAMES, given.frames)
    voiced = np.cumsum(np.concatenate([[0], given.f0[::2] > 0]))
    first = int(np.argmax(voiced[length:] - voiced[:-length]))
    return first, first + length


def _shifts(f0: NDArray[np.float32]) -> tuple[float, float]:
    """By how many semitones a voice may be moved: as far as songs do, within what the decoder can sing."""
    voiced = f0[f0 > 0]
    middle = float(np.median(voiced)) if len(voiced) else _ELSEWHERE_HZ[0]
    lowest, highest = (12 * np.log2(hz / middle) for hz in _ELSEWHERE_HZ)
    down, up = _ELSEWHERE_SEMITONES
    return min(0.0, max(down, lowest)), max(0.0, min(up, highest))


def _pace(step: int, done: float) -> float:
    """Share of the learning rates: all of them after a few steps, and from some point on ever less."""
    warm = min(1.0, (step + 1) / _WARM_UP_STEPS)
    return warm * max(_LAST_RATE, min(1.0, (1 - done) / (1 - _DECAY_FROM)))


def _numbers(tensor: Tensor) -> NDArray[np.float32]:
    numbers: NDArray[np.float32] = tensor.detach().cpu().numpy()
    return numbers
