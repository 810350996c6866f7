"""Results of the stages, kept so that the next conversion of the same song need not make them again.

Every key says all that the result depends on: the song's bytes, each engine on the way with what it was
set to, the voice, and AutoVoice's version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auto_voice import __version__
from auto_voice.audio import Audio
from auto_voice.config import Settings
from auto_voice.features import ContentFeatures, PitchContour, Stems
from auto_voice.storage.cache import Cache, Entry, open_cache
from auto_voice.storage.paths import CacheKind
from auto_voice.utils.quality_metrics import DEFAULT_PARTS


class StageCache:
    """Looks a stage's result up before making it.

    Args:
        settings: folders, lifetimes and size limit.
        read: look up (True), or make everything anew.
        keep: keep what is made.
    """

    def __init__(self, settings: Settings, *, read: bool = True, keep: bool = True) -> None:
        self._settings = settings
        self._read = read
        self._keep = keep

    def stems(self, key: str, song: Audio, separate: Callable[[], Stems]) -> Stems:
        """Stems of the song. Only the vocals are stored: the accompaniment is the rest of the song."""
        entry = self._get("separations", key)
        if entry is not None and entry["vocals"].shape == song.samples.shape:  # decoders may come to differ
            vocals = Audio(entry["vocals"], song.sample_rate)
            rest = Audio(song.samples - vocals.samples, song.sample_rate)
            meta = entry.meta
            return Stems(vocals=vocals, accompaniment=rest, model=meta["model"], warnings=tuple(meta["warnings"]))
        stems = separate()
        notes = {"model": stems.model, "warnings": list(stems.warnings)}
        self._put("separations", key, {"vocals": stems.vocals.samples}, notes)
        return stems

    def contour(self, key: str, extract: Callable[[], PitchContour]) -> PitchContour:
        """Pitch contour of vocals."""
        entry = self._get("pitch", key)
        if entry is not None:
            return PitchContour(f0=entry["f0"], confidence=entry["confidence"], hop_seconds=entry.meta["hop_seconds"])
        contour = extract()
        arrays = {"f0": contour.f0, "confidence": contour.confidence}
        self._put("pitch", key, arrays, {"hop_seconds": contour.hop_seconds})
        return contour

    def content(self, key: str, extract: Callable[[], ContentFeatures]) -> ContentFeatures:
        """Content features of vocals."""
        entry = self._get("content", key)
        if entry is not None:
            return ContentFeatures(
                frames=entry["frames"], hop_seconds=entry.meta["hop_seconds"], model=entry.meta["model"]
            )
        content = extract()
        notes = {"hop_seconds": content.hop_seconds, "model": content.model}
        self._put("content", key, {"frames": content.frames}, notes)
        return content

    def converted(self, key: str, convert: Callable[[], Audio]) -> Audio:
        """Converted vocals."""
        entry = self._get("conversions", key)
        if entry is not None:
            return Audio(entry["samples"], entry.meta["sample_rate"])
        audio = convert()
        self._put("conversions", key, {"samples": audio.samples}, {"sample_rate": audio.sample_rate})
        return audio

    def scores(self, key: str, score: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Quality scores of converted vocals. Those with gaps are not kept: a missing model may come."""
        entry = self._get("conversions", key)
        if entry is not None:
            return dict(entry.meta["scores"])
        scores = score()
        if set(DEFAULT_PARTS) <= set(scores.get("overall_score_parts", ())):
            self._put("conversions", key, {}, {"scores": scores})
        return scores

    def _get(self, kind: CacheKind, key: str) -> Entry | None:
        return open_cache(self._settings, kind).get(key) if self._read else None

    def _put(
        self, kind: CacheKind, key: str, arrays: Mapping[str, NDArray[np.generic]], notes: Mapping[str, Any]
    ) -> None:
        if self._keep:
            open_cache(self._settings, kind).put(key, arrays, notes)


def stage_key(*parts: object) -> str:
    """The key of a result that depends on `parts` and on this version of AutoVoice."""
    return Cache.key(__version__, *map(str, parts))


def content_hash(source: Path | str | bytes) -> str:
    """SHA-256 of a file's bytes: the same song has the same hash, whatever it is called."""
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    digest = hashlib.sha256()
    with Path(source).open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def array_hash(arrays: Mapping[str, NDArray[np.generic]]) -> str:
    """SHA-256 of named arrays: names, types, shapes and values."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
