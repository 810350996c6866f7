"""A training run of the decoder with its files: the update, a checkpoint, its history and a picture of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from auto_voice.atomic_file import atomic_path
from auto_voice.errors import ModelLoadError
from auto_voice.features import Progress, no_progress, part_of
from auto_voice.inference.conversion.decoder_voice import join_film
from auto_voice.inference.conversion.fitting.losses import SpeakerLoss, SpectralLoss, TuneLoss
from auto_voice.inference.conversion.neural_models import load_published_decoder
from auto_voice.inference.pitch.fcpe import FcpeExtractor
from auto_voice.inference.speech.voices import VOICES
from auto_voice.inference.synthesis import KokoroSynthesizer
from auto_voice.models.networks.decoder_update import DecoderUpdate
from auto_voice.models.networks.ge2e import GE2E
from auto_voice.models.networks.low_rank_update import LowRankUpdate
from auto_voice.models.networks.style_decoder import StyleDecoder, fast_kind
from auto_voice.models.networks.voice_prior import PriorShape, VoicePrior
from auto_voice.models.runtime import ModelRuntime
from auto_voice.training.decoder import DecoderPlan, DecoderTrainer, Distances, Loss
from auto_voice.training.decoder_examples import DecoderExample, load_decoder_examples
from auto_voice.training.decoder_scores import DecoderScores, crossed, score_decoder
from auto_voice.training.readers import reading_files
from auto_voice.training.run import read_mapper
from auto_voice.utils.speaker import SpeakerEncoder

if TYPE_CHECKING:
    from auto_voice.config import Settings

_RANK = 16
_SPEAKER_FILE = ("ge2e", "ge2e.safetensors")
_TYPICAL_TOKENS = 40
_LOADING_SHARE = 0.02
_VALIDATED = ("read", "high")


def train_decoder(
    readings: Path,
    mapper_file: Path,
    out: Path,
    plan: DecoderPlan,
    settings: Settings,
    *,
    start: Path | None = None,
    strength: float = 1.0,
    say: Callable[[str], None] = print,
    progress: Progress = no_progress,
) -> DecoderScores:
    """Fit the decoder to readers and write what changed to `out`; beside it a checkpoint, the history and its curves.

    An interrupted run goes on from its checkpoint when it is started again.

    Args:
        readings: folder of `prepare_readers`.
        mapper_file: the content mapper through which the decoder is to be used.
        start: an update to start from; from the published decoder when not given.
        strength: share of the trained change of the decoder's weights that is kept in `out`: the less, the more
            natural.
        say: told the scores of each validation.

    Returns:
        The scores of what `out` holds.

    Raises:
        InputError: the readings or the checkpoint cannot be used.
        ModelLoadError: a model is not installed, or a file is not what it should be.
        StorageError: `out` cannot be written.
    """
    runtime = ModelRuntime(settings, "cpu")
    mapper = read_mapper(mapper_file)
    training, validation = reading_files(readings)
    loading = part_of(progress, 0.0, _LOADING_SHARE)
    examples = load_decoder_examples(training, mapper, plan.frames, loading)
    kept_out = [each for each in load_decoder_examples(validation, mapper, plan.frames) if each.copy in _VALIDATED]
    kept_out += crossed([each for each in kept_out if each.copy == "read"])
    say(f"{len(examples)} readings; {len(kept_out)} to validate with")
    decoder = load_published_decoder(runtime).compute_in(fast_kind())
    digest = hashlib.sha256(mapper_file.read_bytes()).hexdigest()
    torch.manual_seed(plan.seed)
    if start is None:
        update = new_update(decoder, examples, KokoroSynthesizer(settings, runtime), digest)
    else:
        given = read_update(start)
        update = DecoderUpdate(change=given.change, prior=given.prior, mapper=digest)
    speaker = GE2E.load(runtime.model_file(*_SPEAKER_FILE), "cpu")
    distances = Distances(SpectralLoss(), SpeakerLoss(speaker), TuneLoss())
    trainer = DecoderTrainer(decoder, update, examples, distances, plan)
    history_file, checkpoint = out.with_suffix(".history.jsonl"), out.with_suffix(".checkpoint")
    if not checkpoint.is_file():
        history_file.unlink(missing_ok=True)
    pitch, encoder = FcpeExtractor(runtime), SpeakerEncoder(runtime)

    def report(step: int, loss: Loss) -> None:
        scores = score_decoder(trainer.make, kept_out, distances.sound, pitch, encoder)
        with history_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, "loss": asdict(loss), "scores": asdict(scores)}) + "\n")
        distance = f"sound {loss.sound:.3f}, voice {loss.voice:.3f}, tune {loss.tune:.3f}"
        say(f"step {step}: {distance}; kept-out readers: {in_words(scores)}")

    trainer.run(checkpoint, report, part_of(progress, _LOADING_SHARE, 1.0))
    update.change.scale(strength)
    scores = score_decoder(trainer.make, kept_out, distances.sound, pitch, encoder)
    say(f"at strength {strength:g}: kept-out readers: {in_words(scores)}")
    with atomic_path(out) as temporary:
        update.save(temporary)
    history = [json.loads(line) for line in history_file.read_text(encoding="utf-8").splitlines()]
    draw(history, out.with_suffix(".png"))
    return scores


def new_update(
    decoder: StyleDecoder, examples: Sequence[DecoderExample], synthesizer: KokoroSynthesizer, mapper: str
) -> DecoderUpdate:
    """An update that changes nothing yet, and expects every voice to be the mean of the stock voices."""
    film = join_film(decoder)
    prior = VoicePrior(PriorShape(style=decoder.shape.style, film=len(film)))
    style = synthesizer.style("+".join(VOICES), _TYPICAL_TOKENS)[: decoder.shape.style]
    voices = {example.reader: example.embedding for example in examples}
    with torch.no_grad():
        prior.style.bias.copy_(torch.from_numpy(style.copy()))
        prior.film.bias.copy_(film)
        prior.mean.copy_(torch.from_numpy(np.mean(list(voices.values()), axis=0)))
    return DecoderUpdate(change=LowRankUpdate.of(decoder, _RANK), prior=prior, mapper=mapper)


def read_update(path: Path) -> DecoderUpdate:
    """An update from a file.

    Raises:
        ModelLoadError: it is not one.
    """
    try:
        return DecoderUpdate.from_file(path)
    except ValueError as error:
        raise ModelLoadError(str(error), suggestions=["autovoice train decoder"]) from error


def in_words(scores: DecoderScores) -> str:
    """The scores in one line."""
    likeness = ", ".join(f"{copy} {value:.3f}" for copy, value in scores.likeness.items())
    in_tune = ", ".join(f"{band} {value:.1%}" for band, value in scores.in_tune.items())
    return f"sound {scores.sound:.3f}; likeness {likeness}; in tune {in_tune}"


def draw(history: Sequence[dict[str, Any]], picture: Path) -> None:
    """Draw losses, likeness and intonation over the steps into a PNG file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 4), layout="constrained")
    sound, *rest = figure.subplots(1, 3)
    steps = [entry["step"] for entry in history]
    sound.plot(steps, [entry["loss"]["sound"] for entry in history], label="training")
    sound.plot(steps, [entry["scores"]["sound"] for entry in history], label="kept-out readers")
    sound.set(xlabel="step", ylabel="distance of spectra")
    for axes, name in zip(rest, ("likeness", "in_tune"), strict=True):
        for group in history[-1]["scores"][name]:
            axes.plot(steps, [entry["scores"][name][group] for entry in history], label=group)
        axes.set(xlabel="step", ylabel=name.replace("_", " "))
    for axes in (sound, *rest):
        axes.legend(fontsize="small")
    with atomic_path(picture) as temporary:
        figure.savefig(temporary, format="png")
