"""Fitting the decoder to readers: it learns, resumes exactly, and refuses what is not its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor

from auto_voice.audio import Audio
from auto_voice.errors import AudioTooShortError, InvalidParametersError
from auto_voice.features import PitchContour, Progress, no_progress
from auto_voice.inference.conversion.decoder_voice import join_film
from auto_voice.models.networks.decoder_update import DecoderUpdate
from auto_voice.models.networks.low_rank_update import LowRankUpdate
from auto_voice.models.networks.style_decoder import SAMPLES_PER_FRAME, DecoderShape, StyleDecoder
from auto_voice.models.networks.voice_prior import PriorShape, VoicePrior
from auto_voice.training.decoder import DecoderPlan, DecoderTrainer, Distances, Loss
from auto_voice.training.decoder_examples import DecoderExample, random_stretches
from auto_voice.training.decoder_scores import crossed, score_decoder
from auto_voice.training.readers import COPIES

SHAPE = DecoderShape(content=6, style=4, hidden=8, skip=2, generator=8)
FRAMES = 8
PLAN = DecoderPlan(steps=30, minutes=1e6, batch=2, frames=FRAMES, validate_every=10, keep_every=10)


def example(reader: int, copy: str = "read", frames: int = 20, f0: float = 200.0) -> DecoderExample:
    random = np.random.default_rng(reader)
    time = np.arange(frames * SAMPLES_PER_FRAME) / 24_000
    return DecoderExample(
        content=random.normal(size=(SHAPE.content, frames)).astype(np.float16),
        f0=np.full(2 * frames, f0, np.float32),
        energy=np.full(2 * frames, 5.0, np.float32),
        samples=(0.1 * np.sin(2 * np.pi * f0 * time)).astype(np.float16),
        embedding=functional.normalize(torch.from_numpy(random.normal(size=256).astype(np.float32)), dim=0).numpy(),
        reader=str(reader),
        copy=copy,
    )


EXAMPLES = [example(reader, copy) for reader in range(3) for copy in COPIES]


def loudness_apart(made: Tensor, wanted: Tensor) -> Tensor:
    return (made.square().mean().log() - wanted.square().mean().log()).abs()


Distance = Callable[[Tensor, Tensor], Tensor]


def no_voice(made: Tensor, wanted: Tensor) -> Tensor:
    return 0.0 * (made.sum() + wanted.sum())


class Run:
    """A run of the same training each time, stopped by Ctrl-C once a share of it is done."""

    def __init__(
        self,
        plan: DecoderPlan = PLAN,
        seconds_per_look: float = 0.0,
        sound: Distance = loudness_apart,
        voice: Distance = no_voice,
        tune: Distance = no_voice,
    ) -> None:
        torch.manual_seed(0)
        decoder = StyleDecoder(SHAPE)
        self.published_film = join_film(decoder)
        film = sum(each.numel() for each in decoder.style_parameters().values())
        prior = VoicePrior(PriorShape(style=SHAPE.style, film=film, rank=3))
        self.update = DecoderUpdate(change=LowRankUpdate.of(decoder, 2, 20), prior=prior, mapper="a mapper")
        self.losses: list[tuple[int, Loss]] = []
        self._now, self._pace = 0.0, seconds_per_look
        distances = Distances(sound, voice, tune)
        self.trainer = DecoderTrainer(decoder, self.update, EXAMPLES, distances, plan, self._clock)

    def to(self, checkpoint: Path, stop_at: float = 2.0) -> Run:
        def interrupt(fraction: float) -> None:
            if fraction >= stop_at:
                raise KeyboardInterrupt

        self.trainer.run(checkpoint, lambda *report: self.losses.append(report), interrupt)
        return self

    def _clock(self) -> float:
        self._now += self._pace
        return self._now


def test_training_brings_what_is_made_nearer_to_what_was_read(tmp_path: Path) -> None:
    losses = Run(replace(PLAN, update_rate=0.01, prior_rate=0.02)).to(tmp_path / "checkpoint").losses
    assert [step for step, _ in losses] == [10, 20, 30]
    assert losses[-1][1].sound < 0.5 * losses[0][1].sound


def test_both_the_decoder_and_the_prior_learn(tmp_path: Path) -> None:
    run, untouched = Run().to(tmp_path / "checkpoint"), Run()
    before = dict(untouched.update.prior.named_parameters())
    assert all(not each.equal(before[name]) for name, each in run.update.prior.named_parameters())
    assert all(each.any() for each in run.update.change.up.values())


def test_what_was_made_is_compared_with_the_melody_that_was_asked_for(tmp_path: Path) -> None:
    asked: list[Tensor] = []

    def tune(made: Tensor, f0: Tensor) -> Tensor:
        asked.append(f0)
        return made.square().mean()

    losses = Run(tune=tune).to(tmp_path / "checkpoint").losses
    assert {each.shape for each in asked} == {(PLAN.batch + PLAN.crossed, 2 * PLAN.frames)}
    assert losses[-1][1].tune > 0


def test_what_no_loss_asks_for_goes_back_to_the_published_decoder(tmp_path: Path) -> None:
    run = Run(replace(PLAN, likeness=0.0, update_rate=0.1, prior_rate=0.0, pull=5.0), sound=no_voice)
    for up in run.update.change.up.values():
        torch.nn.init.ones_(up)
    torch.nn.init.ones_(run.update.prior.film.bias)
    run.to(tmp_path / "checkpoint")
    assert all(each.abs().max() < 1e-3 for each in run.update.change.up.values())
    torch.testing.assert_close(run.update.prior.film.bias.detach(), run.published_film, rtol=0, atol=1e-2)


def test_an_interrupted_run_ends_as_one_that_was_not(tmp_path: Path) -> None:
    whole = Run().to(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        Run().to(tmp_path / "parts", stop_at=0.5)
    resumed = Run().to(tmp_path / "parts")
    assert resumed.losses == whole.losses[1:]
    for part in ("change", "prior"):
        mine, theirs = getattr(whole.update, part).state_dict(), getattr(resumed.update, part).state_dict()
        assert all(theirs[name].equal(each) for name, each in mine.items())


def test_no_step_begins_after_the_last_minute_however_often_it_is_resumed(tmp_path: Path) -> None:
    plan = replace(PLAN, minutes=0.2, keep_every=1)  # 12 s, and a look at the clock after every step takes one
    with pytest.raises(KeyboardInterrupt):
        Run(plan, seconds_per_look=1.0).to(tmp_path / "checkpoint", stop_at=0.5)
    resumed = Run(plan, seconds_per_look=1.0).to(tmp_path / "checkpoint")
    assert resumed.losses[-1][0] == 12


def test_another_plan_does_not_resume(tmp_path: Path) -> None:
    Run().to(tmp_path / "checkpoint")
    with pytest.raises(InvalidParametersError, match="another run"):
        Run(replace(PLAN, seed=1)).to(tmp_path / "checkpoint")


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04"])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "checkpoint").write_bytes(content)
    with pytest.raises(InvalidParametersError, match="is not a checkpoint"):
        Run().to(tmp_path / "checkpoint")


def test_stretches_fit_together_and_hold_a_voice() -> None:
    half_silent = replace(EXAMPLES[0], f0=np.repeat(np.array([0, 200], np.float32), 20))
    for seed in range(5):
        batch = random_stretches([half_silent], 2, FRAMES, np.random.default_rng(seed))
        assert batch.content.shape == (2, SHAPE.content, FRAMES)
        assert batch.f0.shape == batch.energy.shape == (2, 2 * FRAMES)
        assert batch.samples.shape == (2, FRAMES * SAMPLES_PER_FRAME)
        torch.testing.assert_close(batch.heard.norm(dim=-1), torch.ones(2))
        assert (functional.cosine_similarity(batch.heard, batch.voice) > 0.9).all()
        assert ((batch.f0 > 0).float().mean(dim=-1) > 0.2).all()


class _Tuner:
    """Hears the same tone in everything."""

    name = "tuner"

    def __init__(self, hertz: float) -> None:
        self._hertz = hertz

    def extract(self, vocals: Audio, progress: Progress = no_progress) -> PitchContour:
        f0 = np.full(round(vocals.duration * 100) + 1, self._hertz, np.float32)
        return PitchContour(f0=f0, confidence=np.ones_like(f0), hop_seconds=0.01)


class _Ear:
    """Hears one voice in everything, or none."""

    name = "ear"

    def __init__(self, voice: np.ndarray | None) -> None:
        self._voice = voice

    def embed(self, audio: Audio) -> np.ndarray:
        if self._voice is None:
            raise AudioTooShortError("nothing to hear")
        return self._voice

    def split_half_similarity(self, audio: Audio) -> float:
        return 1.0


def test_scores_tell_the_octaves_and_the_copies_apart() -> None:
    low, high = example(0, "read", f0=200.0), example(1, "high", f0=600.0)
    made = Run().trainer.make
    scores = score_decoder(made, [low, high], loudness_apart, _Tuner(204.0), _Ear(low.embedding))
    assert scores.in_tune == {"below 220 Hz": 1.0, "above 440 Hz": 0.0}
    assert scores.likeness["read"] == pytest.approx(1.0)
    assert scores.likeness["high"] == pytest.approx(float(low.embedding @ high.embedding))
    assert scores.sound > 0


def test_a_crossed_example_is_judged_by_the_other_voice_and_not_by_its_sound() -> None:
    one, other = example(0), example(1)
    changed = crossed([one, other])
    assert [each.copy for each in changed] == ["crossed", "crossed"]
    assert changed[0].embedding is other.embedding and changed[1].embedding is one.embedding
    made, ears = Run().trainer.make, (_Tuner(204.0), _Ear(other.embedding))
    alone, both = (score_decoder(made, each, loudness_apart, *ears) for each in ([one], [one, changed[0]]))
    assert both.sound == alone.sound
    assert both.likeness["crossed"] == pytest.approx(1.0) and both.likeness["read"] < 0.5


def test_the_voices_a_step_crosses_are_those_of_its_other_stretches(tmp_path: Path) -> None:
    asked: list[Tensor] = []

    def listen(made: Tensor, wanted: Tensor) -> Tensor:
        asked.append(wanted)
        return no_voice(made, wanted)

    run = Run(replace(PLAN, steps=1, batch=2, crossed=1), voice=listen).to(tmp_path / "checkpoint")
    (voices,) = asked
    assert run.losses and voices.shape == (3, 256)
    assert voices[2].equal(voices[0]) and not voices[1].equal(voices[0])


def test_silence_is_like_nobody_and_in_no_tune() -> None:
    scores = score_decoder(Run().trainer.make, [example(0)], loudness_apart, _Tuner(0.0), _Ear(None))
    assert scores.likeness == {"read": 0.0} and scores.in_tune == {"below 220 Hz": 0.0}
