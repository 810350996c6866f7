"""The sounds of known words are found in what a mapper hears."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from auto_voice.inference.conversion.alignment import best_path, distances, log_likelihoods
from auto_voice.models.networks.content_mapper import ContentMapper, MapperShape


def test_the_best_path_gives_each_token_the_frames_that_fit_it() -> None:
    truth = np.array([4, 1, 7, 2, 3])
    owner = np.repeat(np.arange(5), truth)
    fits = np.where(owner[:, None] == np.arange(5), 0.0, -3.0).astype(np.float32)
    fits += np.random.default_rng(2).normal(0, 0.4, fits.shape).astype(np.float32)
    durations, fit = best_path(fits)
    np.testing.assert_array_equal(durations, truth)
    assert fit == pytest.approx(fits[np.arange(len(owner)), owner].mean(), abs=1e-5)


def test_every_token_gets_a_frame_even_where_none_fits() -> None:
    fits = np.zeros((5, 4), np.float32)
    fits[:, 1] = -9
    durations, _ = best_path(fits)
    assert (durations >= 1).all() and durations.sum() == 5
    np.testing.assert_array_equal(best_path(np.zeros((3, 3), np.float32))[0], [1, 1, 1])


def test_sounds_are_judged_by_their_own_logit_and_by_their_content() -> None:
    mapper = ContentMapper(MapperShape(features=4, content=3, phones=3, width=8, dilations=(1,), kernel=3)).eval()
    mapper.phones.copy_(torch.tensor([0, 43, 50]))
    mapper.mean.fill_(2.0)
    logits = torch.tensor([[0.0, 9.0, 0.0], [0.0, 0.0, 9.0]])
    likely = log_likelihoods(logits, mapper, np.array([43, 50]))
    assert likely[0, 0] > likely[0, 1] and likely[1, 1] > likely[1, 0]
    assert log_likelihoods(1000 * logits, mapper, np.array([50])).min() == -30
    far = distances(torch.tensor([[0.0, 0, 0], [1, 1, 1]]), mapper, np.full((1, 3), 2, np.float32))
    np.testing.assert_allclose(far, [[0], [1]], atol=1e-6)
