"""What strangers hand to the metrics is checked at the door."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from auto_voice.audio import Audio, DecodeLimits
from auto_voice.errors import InvalidAudioError, InvalidParametersError, NotFoundError
from auto_voice.utils.sources import load_audio, load_contour, load_embedding

SECOND = Audio(np.zeros((1, 16_000), dtype=np.float32), 16_000)
LIMITS = DecodeLimits()


class Hostile:
    """Unpickling it leaves a file."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.proof,)


def saved(path: Path, array: object) -> Path:
    np.save(path, array, allow_pickle=True)  # type: ignore[arg-type]
    return path


def test_an_array_spreads_over_its_recording() -> None:
    contour = load_contour(np.full(100, 220.0), SECOND)
    assert contour.hop_seconds == pytest.approx(0.01)
    assert contour.f0.dtype == np.float32


def test_what_is_no_frequency_is_unvoiced(tmp_path: Path) -> None:
    path = saved(tmp_path / "f0.npy", np.array([220.0, np.nan, np.inf, -np.inf, -5, 0, 1e300, 110]))
    assert load_contour(path, SECOND).f0.tolist() == [220, 0, 0, 0, 0, 0, 0, 110]


@pytest.mark.parametrize("load", [lambda path: load_contour(path, SECOND), load_embedding])
def test_a_pickled_object_is_refused_and_never_run(load: object, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    path = saved(tmp_path / "hostile.npy", np.array([Hostile(proof)], dtype=object))
    raw = tmp_path / "raw.npy"
    raw.write_bytes(pickle.dumps(Hostile(proof)))
    for file in (path, raw):
        with pytest.raises(InvalidParametersError, match="is not a plain"):
            load(file)  # type: ignore[operator]
    assert not proof.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not an array",
        b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000000,), }".ljust(128),
        b"\x93NUMPY\x01\x00\xff\xff{",
    ],
    ids=["empty", "text", "a header that lies about its size", "a header cut off"],
)
def test_a_damaged_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "f0.npy"
    path.write_bytes(content)
    with pytest.raises(InvalidParametersError, match="is not a plain"):
        load_contour(path, SECOND)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no file gone"):
        load_embedding(tmp_path / "gone.npy")


@pytest.mark.parametrize(
    "array", [np.zeros((2, 50)), np.zeros(0), np.array(220.0), np.array(["a"]), np.array([1j]), np.array([True])]
)
def test_a_contour_is_a_row_of_numbers(array: np.ndarray) -> None:
    with pytest.raises(InvalidParametersError):
        load_contour(array, SECOND)


def test_an_embedding_comes_back_with_unit_norm(tmp_path: Path) -> None:
    path = saved(tmp_path / "voice.npy", np.full(256, 3, dtype=np.float64))
    embedding = load_embedding(path)
    assert embedding.dtype == np.float32
    assert np.linalg.norm(embedding) == pytest.approx(1)


@pytest.mark.parametrize(
    "array", [np.zeros(256), np.ones(192), np.ones((1, 256)), np.full(256, np.nan), np.full(256, np.inf)]
)
def test_what_is_no_point_of_the_sphere_is_no_embedding(array: np.ndarray) -> None:
    with pytest.raises(InvalidParametersError):
        load_embedding(array)


def test_samples_may_be_mono_or_stereo() -> None:
    assert load_audio(np.zeros(100), LIMITS, 16_000).samples.shape == (1, 100)
    assert load_audio(np.zeros((2, 100)), LIMITS, 16_000).channels == 2
    assert load_audio(SECOND, LIMITS) is SECOND


@pytest.mark.parametrize("array", [np.zeros((100, 2)), np.zeros(100, dtype=np.int16), np.zeros((1, 2, 100))])
def test_other_samples_are_refused(array: np.ndarray) -> None:
    with pytest.raises(InvalidParametersError, match="floating point"):
        load_audio(array, LIMITS, 16_000)


def test_samples_need_their_rate() -> None:
    with pytest.raises(InvalidParametersError, match="sample_rate"):
        load_audio(np.zeros(100), LIMITS)


def test_a_file_that_is_no_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    path.write_text("la la la")
    with pytest.raises(InvalidAudioError):
        load_audio(path, LIMITS)
