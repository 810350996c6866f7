"""Fitting the content mapper: steps that can be interrupted and resumed, with validation as it goes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor

from auto_voice.features import Progress, no_progress
from auto_voice.inference.synthesis import vocabulary
from auto_voice.models.networks.content_mapper import ContentMapper, MapperShape
from auto_voice.models.networks.style_decoder import StyleDecoder
from auto_voice.training.checkpoint import keep, resume
from auto_voice.training.examples import Example, random_batch
from auto_voice.training.losses import decoder_ear, losses
from auto_voice.training.scores import Scores, score

_LEAST_SPREAD = 0.04
_WARM_UP = 100
_WEIGHT_DECAY = 0.03
_LOWEST_RATE = 0.02  # of the highest
_AVERAGE = 0.997
_MOST_GRADIENT = 1.0
_EAR_FRAMES = 20_000


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """How to train.

    Attributes:
        steps: in all.
        batch: stretches of clips a step.
        frames: of a stretch; 25 ms each.
        learning_rate: at its highest, after a short warm-up; falls as half a cosine.
        validate_every: steps.
        keep_every: steps between checkpoints.
        seed: of the initial weights and the choice of stretches.
    """

    steps: int = 6000
    batch: int = 10
    frames: int = 128
    learning_rate: float = 1.2e-3
    validate_every: int = 500
    keep_every: int = 250
    seed: int = 0


Report = Callable[[int, float, list[Scores]], None]
"""Called after each validation with the step, the mean training loss since the last, and the scores."""


def new_mapper(examples: list[Example], shape: MapperShape, seed: int) -> ContentMapper:
    """A mapper to be trained: it knows the sounds of the vocabulary and the content's usual range."""
    torch.manual_seed(seed)
    sounds = sorted({0, *vocabulary().values()})
    mapper = ContentMapper(MapperShape(**{**asdict(shape), "phones": len(sounds)}))
    content = np.concatenate([example.vectors[example.places] for example in examples])
    mapper.phones.copy_(torch.tensor(sounds))
    mapper.mean.copy_(torch.from_numpy(content.mean(axis=0)))
    mapper.spread.copy_(torch.from_numpy(content.std(axis=0)).clamp(min=_LEAST_SPREAD))
    return mapper


class Trainer:
    """One training run. Each step depends on the plan and the state alone, so that a resumed run does the same.

    Args:
        mapper: what to start from; it is changed.
        examples: to train with.
        validation: kept out of training.
        decoder: whose content it is.
    """

    def __init__(
        self,
        mapper: ContentMapper,
        examples: list[Example],
        validation: list[Example],
        decoder: StyleDecoder,
        plan: TrainingPlan,
    ) -> None:
        self._mapper = mapper.train().requires_grad_(True)
        self._examples, self._validation, self._plan = examples, validation, plan
        self._ear = decoder_ear(decoder, mapper, _typical_content(examples, plan.seed))
        self._optimiser = torch.optim.AdamW(mapper.parameters(), weight_decay=_WEIGHT_DECAY, betas=(0.9, 0.98))
        self._average = torch.optim.swa_utils.AveragedModel(mapper, avg_fn=_averaged)
        self._step = 0
        self._recent: list[float] = []

    @property
    def averaged(self) -> ContentMapper:
        """The running average of the weights: the better network."""
        return cast(ContentMapper, self._average.module.eval())

    def run(self, checkpoint: Path, report: Report, progress: Progress = no_progress) -> None:
        """Train to the plan's last step, from `checkpoint` on where that file is there; it is kept up to date.

        Raises:
            InvalidParametersError: the checkpoint is of another run, or not one.
            StorageError: it cannot be written.
        """
        if checkpoint.is_file():
            self._resume(checkpoint)
        while self._step < self._plan.steps:
            progress(self._step / self._plan.steps)
            self._recent.append(self._one_step())
            self._step += 1
            last = self._step == self._plan.steps
            if last or self._step % self._plan.validate_every == 0:
                report(self._step, float(np.mean(self._recent)), score(self.averaged, self._validation))
                self._recent = []
            if last or self._step % self._plan.keep_every == 0:
                self._keep(checkpoint)
        progress(1.0)

    def _one_step(self) -> float:
        random = np.random.default_rng([self._plan.seed, self._step])
        batch = random_batch(self._examples, self._plan.batch, self._plan.frames, random)
        for group in self._optimiser.param_groups:
            group["lr"] = self._learning_rate()
        with torch.autocast("cpu", torch.bfloat16):
            normal, logits = self._mapper.normalised(batch.features)
        total = losses(normal.float(), logits.float(), batch, self._mapper, self._ear).total
        self._optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._mapper.parameters(), _MOST_GRADIENT)
        self._optimiser.step()
        self._average.update_parameters(self._mapper)
        return float(total.detach())

    def _learning_rate(self) -> float:
        done = self._step / self._plan.steps
        falling = _LOWEST_RATE + (1 - _LOWEST_RATE) * (1 + np.cos(np.pi * done)) / 2
        return float(self._plan.learning_rate * min(1.0, (self._step + 1) / _WARM_UP) * falling)

    def _keep(self, checkpoint: Path) -> None:
        state = {
            "step": self._step,
            "recent": self._recent,
            "mapper": self._mapper.state_dict(),
            "average": self._average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
        }
        keep(checkpoint, self._run, state)

    def _resume(self, checkpoint: Path) -> None:
        state = resume(checkpoint, self._run)
        self._step, self._recent = state["step"], state["recent"]
        self._mapper.load_state_dict(state["mapper"])
        self._average.load_state_dict(state["average"])
        self._optimiser.load_state_dict(state["optimiser"])

    @property
    def _run(self) -> str:
        return json.dumps(asdict(self._plan))


def _averaged(average: Tensor, new: Tensor, count: Tensor | int) -> Tensor:
    """Exponential average; at first over fewer steps, so that the initial weights are soon forgotten."""
    return average.lerp(new, 1 - min(_AVERAGE, (int(count) + 1) / (int(count) + 10)))


def _typical_content(examples: list[Example], seed: int) -> Tensor:
    random = np.random.default_rng(seed)
    chosen = random.permutation(len(examples))
    content = np.concatenate([examples[index].vectors[examples[index].places] for index in chosen[:60]])
    return torch.from_numpy(content[:_EAR_FRAMES])
