"""A training run with its files: the network, a checkpoint to resume from, its history and a picture of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_voice.atomic_file import atomic_path
from auto_voice.errors import ModelLoadError
from auto_voice.features import Progress, no_progress
from auto_voice.inference.conversion.neural_models import load_published_decoder
from auto_voice.models.networks.content_mapper import ContentMapper, MapperShape
from auto_voice.training.content_mapper import Trainer, TrainingPlan, new_mapper
from auto_voice.training.examples import load_examples
from auto_voice.training.scores import Scores

if TYPE_CHECKING:
    from auto_voice.models.runtime import ModelRuntime


def train(
    generated: Path,
    out: Path,
    plan: TrainingPlan,
    runtime: ModelRuntime,
    *,
    recordings: Path | None = None,
    start: Path | None = None,
    say: Callable[[str], None] = print,
    progress: Progress = no_progress,
) -> list[Scores]:
    """Train a content mapper and write it to `out`; beside it a checkpoint, the history and its curves.

    An interrupted run goes on from its checkpoint when it is started again.

    Args:
        generated: clips of `generate`, with features.
        recordings: clips of `align_recordings`, with features.
        start: a trained mapper to start from; from nothing when not given.
        say: told the scores of each validation.

    Returns:
        The last scores.

    Raises:
        InputError: the data or the checkpoint cannot be used.
        ModelLoadError: the decoder is not installed, or `start` is no mapper.
        StorageError: `out` cannot be written.
    """
    examples, validation = load_examples(generated, recordings)
    mapper = new_mapper(examples, MapperShape(), plan.seed) if start is None else read_mapper(start)
    decoder = load_published_decoder(runtime)
    trainer = Trainer(mapper, examples, validation, decoder, plan)
    seconds = sum(len(example.places) for example in examples) / 40
    say(f"{len(examples)} clips, {seconds / 60:.1f} minutes; {len(validation)} to validate with")
    history_file = out.with_suffix(".history.jsonl")
    checkpoint = out.with_suffix(".checkpoint")
    if not checkpoint.is_file():
        history_file.unlink(missing_ok=True)

    def report(step: int, loss: float, scores: list[Scores]) -> None:
        with history_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, "loss": loss, "scores": [asdict(each) for each in scores]}) + "\n")
        say(f"step {step}: loss {loss:.3f}; phones right: {accuracies(scores)}")

    trainer.run(checkpoint, report, progress)
    with atomic_path(out) as temporary:
        trainer.averaged.save(temporary)
    history = [json.loads(line) for line in history_file.read_text(encoding="utf-8").splitlines()]
    draw(history, out.with_suffix(".png"))
    return [Scores(**each) for each in history[-1]["scores"]]


def read_mapper(path: Path) -> ContentMapper:
    """A mapper from a file.

    Raises:
        ModelLoadError: it is not one.
    """
    try:
        return ContentMapper.from_file(path)
    except ValueError as error:
        raise ModelLoadError(str(error), suggestions=["autovoice train content-mapper"]) from error


def accuracies(scores: Sequence[Scores]) -> str:
    """The phone accuracies in one line."""
    return ", ".join(f"{each.group} {each.phone_accuracy:.3f}" for each in scores)


def draw(history: Sequence[dict[str, Any]], picture: Path) -> None:
    """Draw the loss and the phone accuracies over the steps into a PNG file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    steps = [entry["step"] for entry in history]
    left.plot(steps, [entry["loss"] for entry in history])
    left.set(xlabel="step", ylabel="training loss", yscale="log")
    for index, group in enumerate(each["group"] for each in history[-1]["scores"]):
        right.plot(steps, [entry["scores"][index]["phone_accuracy"] for entry in history], label=group)
    right.set(xlabel="step", ylabel="phone accuracy")
    right.legend(fontsize="small")
    with atomic_path(picture) as temporary:
        figure.savefig(temporary, format="png")
