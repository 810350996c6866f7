"""Training the content mapper: it learns, resumes exactly, and refuses what is not its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from auto_voice.errors import InvalidParametersError
from auto_voice.inference.synthesis import vocabulary
from auto_voice.models.networks.content_mapper import ContentMapper, MapperShape
from auto_voice.models.networks.style_decoder import DecoderShape, StyleDecoder
from auto_voice.training.content_mapper import Trainer, TrainingPlan, new_mapper
from auto_voice.training.examples import Example, load_examples
from auto_voice.training.losses import decoder_ear
from auto_voice.training.scores import Scores, score
from tiny_speech import tiny_data

SHAPE = MapperShape(features=24, width=32, dilations=(1,), kernel=3)
PLAN = TrainingPlan(steps=40, batch=4, frames=32, learning_rate=3e-3, validate_every=20, keep_every=10)
Examples = tuple[list[Example], list[Example]]


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    return load_examples(tiny_data(tmp_path_factory.mktemp("data"), width=SHAPE.features))


@pytest.fixture(scope="module")
def decoder() -> StyleDecoder:
    torch.manual_seed(0)
    return StyleDecoder(DecoderShape(content=512, style=4, hidden=8, skip=4, generator=8))


def trainer(examples: Examples, decoder: StyleDecoder, plan: TrainingPlan = PLAN) -> Trainer:
    training, validation = examples
    return Trainer(new_mapper(training, SHAPE, plan.seed), training, validation, decoder, plan)


def trained(
    examples: Examples, decoder: StyleDecoder, checkpoint: Path, plan: TrainingPlan = PLAN, stop_at: float = 2.0
) -> tuple[ContentMapper, list[tuple[int, float, list[Scores]]]]:
    seen: list[tuple[int, float, list[Scores]]] = []

    def interrupt(fraction: float) -> None:
        if fraction >= stop_at:
            raise KeyboardInterrupt

    run = trainer(examples, decoder, plan)
    run.run(checkpoint, lambda *report: seen.append(report), interrupt)
    return run.averaged, seen


def test_a_new_mapper_knows_the_vocabulary_and_the_contents_range(examples: Examples) -> None:
    mapper = new_mapper(examples[0], SHAPE, 0)
    assert mapper.phones.tolist() == sorted({0, *vocabulary().values()})
    assert mapper.shape.phones == len(mapper.phones)
    assert mapper.spread.min() > 0 and mapper.mean.abs().max() > 0


def test_it_learns_the_sounds(examples: Examples, decoder: StyleDecoder, tmp_path: Path) -> None:
    plan = replace(PLAN, steps=150, validate_every=50)
    mapper, reports = trained(examples, decoder, tmp_path / "run.checkpoint", plan)
    assert [step for step, _, _ in reports] == [50, 100, 150]
    first, last = reports[0], reports[-1]
    assert last[1] < 0.5 * first[1]
    assert all(scores.phone_accuracy > 0.9 for scores in last[2])
    assert all(scores.cosine > 0.8 for scores in last[2])
    assert score(mapper, examples[1]) == last[2]


def test_scores_are_given_for_each_kind_and_change(examples: Examples) -> None:
    scores = score(new_mapper(examples[0], SHAPE, 0).eval(), examples[1])
    assert [each.group for each in scores] == ["spoken clean", "spoken perturbed", "spoken raised"]
    assert scores[0].frames == len(examples[1][0].places)


def test_a_resumed_run_gives_what_an_uninterrupted_one_gives(
    examples: Examples, decoder: StyleDecoder, tmp_path: Path
) -> None:
    whole, all_reports = trained(examples, decoder, tmp_path / "whole.checkpoint")
    with pytest.raises(KeyboardInterrupt):
        trained(examples, decoder, tmp_path / "parts.checkpoint", stop_at=0.8)
    resumed, reports = trained(examples, decoder, tmp_path / "parts.checkpoint")
    assert reports == all_reports[1:]
    for one, other in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_a_checkpoint_of_another_plan_is_refused(examples: Examples, decoder: StyleDecoder, tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.checkpoint"
    trained(examples, decoder, checkpoint, replace(PLAN, steps=2))
    with pytest.raises(InvalidParametersError, match="another run"):
        trained(examples, decoder, checkpoint)


@pytest.mark.parametrize("content", [b"", b"no checkpoint at all"])
def test_what_is_no_checkpoint_is_refused(
    examples: Examples, decoder: StyleDecoder, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "run.checkpoint").write_bytes(content)
    with pytest.raises(InvalidParametersError, match="not a checkpoint"):
        trained(examples, decoder, tmp_path / "run.checkpoint")


def test_the_decoders_ear_has_unit_power_on_typical_content(examples: Examples, decoder: StyleDecoder) -> None:
    mapper = new_mapper(examples[0], SHAPE, 0)
    content = torch.from_numpy(examples[0][0].vectors[examples[0][0].places])
    ear = decoder_ear(decoder, mapper, content)
    heard = (content - mapper.mean) / mapper.spread @ ear.T
    assert float(heard.square().sum(-1).mean()) == pytest.approx(1.0, rel=0.05)


def test_both_a_training_and_a_validation_clip_are_needed(tmp_path: Path) -> None:
    folder = tiny_data(tmp_path / "one", width=4, clips=1)
    with pytest.raises(InvalidParametersError, match="0 clips to train with and 1 to validate"):
        load_examples(folder)


def test_the_recordings_that_fit_worst_are_left_out(tmp_path: Path) -> None:
    generated, recordings = tiny_data(tmp_path / "one", width=4), tiny_data(tmp_path / "two", width=4, clips=9)
    training, validation = load_examples(generated, recordings)
    assert [example.kind for example in training].count("read") == 7  # of eight
    assert [example.kind for example in validation] == ["spoken", "read"]
    assert min(example.fit for example in training if example.kind == "read") == -7.0
