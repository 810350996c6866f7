"""Fitting the decoder to many readers at once: what changes in it, and where in it a voice is to be expected."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from auto_voice.features import Progress, no_progress
from auto_voice.inference.conversion.decoder_voice import join_film
from auto_voice.models.networks.decoder_update import DecoderUpdate
from auto_voice.models.networks.style_decoder import StyleDecoder
from auto_voice.training.checkpoint import keep, resume
from auto_voice.training.decoder_examples import DecoderExample, random_stretches

_BETAS = (0.8, 0.99)
_WARM_UP = 20
_DECAY_FROM, _LAST_RATE = 0.5, 0.03
_MOST_GRADIENT = 3.0


@dataclass(frozen=True, kw_only=True)
class DecoderPlan:
    """How to train.

    Attributes:
        steps: at most, in all.
        minutes: no step begins after so long, counted over all resumed runs; the learning rates fall in time for it.
        batch: stretches a step that are to be made as they were read.
        crossed: as many more that are to be made in the voice of another reader.
        frames: of a stretch; 25 ms each.
        update_rate, prior_rate: learning rates of the decoder's change and of the prior, at their highest.
        likeness: weight of the speaker encoder's judgement beside the spectrum's.
        tune: weight of what does not repeat with the period that was asked for.
        pull: back to the published decoder at each step, per unit of the learning rate. What is fitted to spectra
            alone sounds the rougher the further it goes.
        validate_every, keep_every: steps between validations, and between checkpoints.
        seed: of the choice of stretches.
    """

    steps: int = 4000
    minutes: float = 60.0
    batch: int = 2
    crossed: int = 2
    frames: int = 60
    update_rate: float = 4e-4
    prior_rate: float = 8e-4
    likeness: float = 0.5
    tune: float = 0.2
    pull: float = 1.0
    validate_every: int = 150
    keep_every: int = 50
    seed: int = 0


@dataclass(frozen=True)
class Distances:
    """From made and wanted, (batch, …) each, to what is to become small.

    Attributes:
        sound: of samples at 24 kHz from samples.
        voice: of samples at 24 kHz from embeddings.
        tune: of samples at 24 kHz from F0, see TuneLoss.
    """

    sound: Callable[[Tensor, Tensor], Tensor]
    voice: Callable[[Tensor, Tensor], Tensor]
    tune: Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Loss:
    """Means over the steps since the last report.

    Attributes:
        sound, voice, tune: see Distances.
    """

    sound: float
    voice: float
    tune: float


Report = Callable[[int, Loss], None]
"""Called with the step each time the decoder is to be validated."""


class DecoderTrainer:
    """One training run. Each step depends on the plan, the time and the state alone.

    Args:
        decoder: as it was published; from now on it follows the update.
        update: what to start from; it is changed.
        examples: to train with.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        decoder: StyleDecoder,
        update: DecoderUpdate,
        examples: Sequence[DecoderExample],
        distances: Distances,
        plan: DecoderPlan,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._decoder, self._update, self._examples = decoder.requires_grad_(False), update, examples
        self._distances, self._plan, self._clock = distances, plan, clock
        self._parts = nn.ModuleDict({"change": update.change, "prior": update.prior}).train().requires_grad_(True)
        biases = decoder.style_parameters()
        self._names = sorted(biases)
        self._sizes = [biases[name].numel() for name in self._names]
        update.change.attach(decoder)
        self._rates = (plan.update_rate, plan.prior_rate)
        pulled = [(each, torch.zeros_like(each)) for each in update.change.up.values()]
        film = update.prior.film
        self._pulled = [*pulled, (film.weight, torch.zeros_like(film.weight)), (film.bias, join_film(decoder))]
        self._optimiser = torch.optim.Adam(
            [{"params": part.parameters()} for part in self._parts.values()], betas=_BETAS
        )
        self._step = 0
        self._seconds = 0.0
        self._recent: list[list[float]] = []

    def run(self, checkpoint: Path, report: Report, progress: Progress = no_progress) -> None:
        """Train to the plan's end, from `checkpoint` on where that file is there; it is kept up to date.

        Raises:
            InvalidParametersError: the checkpoint is of another run, or not one.
            StorageError: it cannot be written.
        """
        if checkpoint.is_file():
            self._resume(checkpoint)
        begun = self._clock() - self._seconds
        while (done := self._done()) < 1:
            progress(done)
            self._recent.append(self._one_step(_pace(self._step, done)))
            self._step += 1
            self._seconds = self._clock() - begun
            last = self._done() >= 1
            if last or self._step % self._plan.validate_every == 0:
                report(self._step, Loss(*np.mean(self._recent, axis=0).tolist()))
                self._recent = []
            if last or self._step % self._plan.keep_every == 0:
                self._keep(checkpoint)
        progress(1.0)

    def make(self, content: Tensor, f0: Tensor, energy: Tensor, embedding: Tensor) -> Tensor:
        """Have the decoder speak in the voices that the prior expects; shapes as in Batch."""
        style, film = self._update.prior(embedding)
        biases = dict(zip(self._names, film.split(self._sizes, dim=-1), strict=True))
        made: Tensor = functional_call(self._decoder, biases, (content, f0, energy, style))
        return made

    def _one_step(self, pace: float) -> list[float]:
        plan = self._plan
        random = np.random.default_rng([plan.seed, self._step])
        batch = random_stretches(self._examples, plan.batch + plan.crossed, plan.frames, random)
        # Nobody knows how another reader would have read it: only whether it sounds like that reader can be judged.
        heard, voice = (torch.cat([each[: plan.batch], each[: plan.crossed]]) for each in (batch.heard, batch.voice))
        for group, rate in zip(self._optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * pace
        made = self.make(batch.content, batch.f0, batch.energy, heard)
        sound = self._distances.sound(made[: plan.batch], batch.samples[: plan.batch])
        likeness = self._distances.voice(made, voice)
        tune = self._distances.tune(made, batch.f0)
        self._optimiser.zero_grad()
        (sound + plan.likeness * likeness + plan.tune * tune).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._parts.parameters(), _MOST_GRADIENT)
        self._optimiser.step()
        with torch.no_grad():
            for each, published in self._pulled:
                each.lerp_(published, plan.pull * plan.update_rate * pace)
        return [float(each.detach()) for each in (sound, likeness, tune)]

    def _done(self) -> float:
        return max(self._step / self._plan.steps, self._seconds / 60 / self._plan.minutes)

    def _keep(self, checkpoint: Path) -> None:
        state = {
            "step": self._step,
            "seconds": self._seconds,
            "recent": self._recent,
            "parts": self._parts.state_dict(),
            "optimiser": self._optimiser.state_dict(),
        }
        keep(checkpoint, self._run, state)

    def _resume(self, checkpoint: Path) -> None:
        state = resume(checkpoint, self._run)
        self._step, self._seconds, self._recent = state["step"], state["seconds"], state["recent"]
        self._parts.load_state_dict(state["parts"])
        self._optimiser.load_state_dict(state["optimiser"])

    @property
    def _run(self) -> str:
        return json.dumps({"plan": asdict(self._plan), "mapper": self._update.mapper})


def _pace(step: int, done: float) -> float:
    """Share of the learning rates: all of them after a few steps, and from some point on ever less."""
    return min(1.0, (step + 1) / _WARM_UP) * max(_LAST_RATE, min(1.0, (1 - done) / (1 - _DECAY_FROM)))
