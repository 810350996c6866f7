"""Features of clips: one a variant and frame, the same each time, computed once."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from auto_voice.training.features import VARIANTS, clip_features, extract_features, feature_file
from tiny_speech import LAYERS, WIDTH, TinyContent, tiny_clip


def test_every_variant_has_every_frame_of_the_clip() -> None:
    for seed in range(4):
        clip = tiny_clip(seed)
        features = clip_features(clip, tiny_clip(9), TinyContent(), 0, "clip-00007")
        assert features.shape == (len(VARIANTS), clip.frames, LAYERS * WIDTH)
        assert features.dtype == np.float16 and np.isfinite(features).all()
        assert not np.array_equal(features[0], features[1]) and not np.array_equal(features[0], features[2])


def test_changes_are_each_clips_own_and_the_same_each_time() -> None:
    def made(name: str, seed: int = 0) -> np.ndarray:
        return clip_features(tiny_clip(1), tiny_clip(2), TinyContent(), seed, name)

    np.testing.assert_array_equal(made("clip-00001"), made("clip-00001"))
    assert not np.array_equal(made("clip-00001")[1], made("clip-00002")[1])
    assert not np.array_equal(made("clip-00001")[1], made("clip-00001", seed=1)[1])


def test_only_clips_without_features_are_heard(tmp_path: Path) -> None:
    for number in range(3):
        tiny_clip(number).save(tmp_path / f"clip-{number:05d}.npz")
    content = TinyContent()
    assert extract_features(tmp_path, content) == 3
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    heard = content.heard
    assert extract_features(tmp_path, content) == 0 and content.heard == heard

    feature_file(tmp_path / "clip-00001.npz").unlink()
    assert extract_features(tmp_path, content) == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first
