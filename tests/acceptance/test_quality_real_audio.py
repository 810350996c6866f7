"""The metrics on real voices: they agree with the packages whose networks they run, and they tell people apart."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch

from auto_voice.audio import Audio, decode
from auto_voice.config import Settings
from auto_voice.models.networks.distillmos import SEGMENT, DistillMOS
from auto_voice.models.networks.ge2e import GE2E, PARTIAL_FRAMES
from auto_voice.models.runtime import ModelRuntime
from auto_voice.utils.intelligibility import WordRecognizer, word_error_rate
from auto_voice.utils.naturalness import NaturalnessJudge
from auto_voice.utils.quality_metrics import QualityMetricsAggregator
from auto_voice.utils.speaker import SpeakerEncoder, similarity

pytestmark = [pytest.mark.models, pytest.mark.real_audio]

READERS = ("1688", "1998", "2033", "2609", "3331", "533")


def utterances(real_data: Path, reader: str) -> list[Audio]:
    return [decode(file) for file in sorted((real_data / "speech/librispeech-test-other" / reader).glob("*.flac"))]


def joined(recordings: list[Audio]) -> Audio:
    return Audio(np.concatenate([recording.samples for recording in recordings], axis=1), recordings[0].sample_rate)


def with_noise(audio: Audio, snr_db: float) -> Audio:
    noise = np.random.default_rng(0).standard_normal(audio.samples.shape)
    level = np.sqrt(np.mean(audio.samples.astype(np.float64) ** 2)) * 10 ** (-snr_db / 20)
    return Audio((audio.samples + noise * level).astype(np.float32), audio.sample_rate)


def test_the_speaker_network_gives_what_resemblyzer_gives(real_data: Path, runtime: ModelRuntime) -> None:
    network = GE2E.load(runtime.model_file("ge2e", "ge2e.safetensors"), "cpu")
    one, other = (torch.from_numpy(utterances(real_data, reader)[0].mono()[:40_000]) for reader in ("1688", "533"))
    with torch.inference_mode():
        mels = torch.stack([network.spectrogram(wave)[:PARTIAL_FRAMES] for wave in (one, other)])
        first, second = network(mels).numpy()
    # Resemblyzer 0.1.4, VoiceEncoder, on the same samples.
    assert first @ second == pytest.approx(0.45719, abs=1e-4)
    assert first[:5] == pytest.approx([0, 0.01084, 0.10287, 0, 0], abs=1e-4)


def test_the_naturalness_network_gives_what_distillmos_gives(real_data: Path, runtime: ModelRuntime) -> None:
    network = DistillMOS.load(runtime.model_file("distillmos", "distillmos.safetensors"), "cpu")
    wave = utterances(real_data, "1688")[0].mono()[:SEGMENT]
    with torch.inference_mode():
        score = network(torch.from_numpy(np.pad(wave, (0, SEGMENT - wave.size)))[None]).item()
    assert score == pytest.approx(4.03978, abs=1e-3)  # distillmos 0.9.1, on the same samples


def test_readers_are_told_apart(real_data: Path, runtime: ModelRuntime) -> None:
    encoder = SpeakerEncoder(runtime)
    halves = {}
    for reader in READERS:
        recordings = utterances(real_data, reader)
        halves[reader] = encoder.embed(joined(recordings[:5])), encoder.embed(joined(recordings[5:]))
    same = [similarity(*halves[reader]) for reader in READERS]
    different = [similarity(halves[one][0], halves[other][1]) for one, other in combinations(READERS, 2)]
    assert min(same) > 0.93
    assert max(different) < 0.78


def test_noise_lowers_naturalness(real_data: Path, runtime: ModelRuntime) -> None:
    speech = utterances(real_data, "2033")[0]
    judge = NaturalnessJudge(runtime)
    found = judge.compare(speech, with_noise(speech, 10), with_dnsmos=True)
    clean = judge.compare(speech, speech, with_dnsmos=True)
    assert found.mos is not None
    assert clean.mos is not None
    assert found.mos < clean.mos - 0.5
    assert found.mos_change == pytest.approx(found.mos - clean.mos)
    assert found.dnsmos is not None
    assert clean.dnsmos is not None
    assert found.dnsmos["background"] < clean.dnsmos["background"] - 0.5


def test_words_survive_themselves_and_not_another_sentence(real_data: Path, runtime: ModelRuntime) -> None:
    first, second = (
        Audio(recording.samples[:, : 4 * recording.sample_rate], recording.sample_rate)
        for recording in utterances(real_data, "2033")[:2]
    )
    recognizer = WordRecognizer(runtime)
    same = recognizer.compare(first, Audio(np.repeat(first.samples, 2, axis=0), first.sample_rate))
    assert same.wer == 0
    assert same.language == "en"
    assert same.original_text
    assert word_error_rate(same.original_text, recognizer.transcribe(second).text) > 0.6


def test_a_conversion_to_the_singer_himself_keeps_everything(
    real_data: Path, runtime: ModelRuntime, settings: Settings
) -> None:
    """A song's vocals scored against themselves: nothing is lost, and the target is met by its own voice."""
    vocals = decode(real_data / "songs/sodium/vocals.flac")
    excerpt = Audio(vocals.samples[:, : 10 * vocals.sample_rate], vocals.sample_rate)
    metrics = QualityMetricsAggregator(settings, runtime).compute_all_metrics(excerpt, excerpt, target_audio=vocals)
    assert metrics["pitch_accuracy"]["rmse_hz"] == 0
    assert metrics["pitch_accuracy"]["rpa50"] == 1
    assert metrics["speaker_similarity"]["cosine_similarity"] > 0.85
    assert metrics["naturalness"]["mos_change"] == 0
    assert metrics["overall_quality_score"] > 0.9
