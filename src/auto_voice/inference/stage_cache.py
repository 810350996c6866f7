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
from auto_voice.inference.features import ContentFeatures, PitchContour, Stems
from auto_voice.storage.cache import Cache, Entry, open_cache
from auto_voice.storage.paths import CacheKind
from auto_voice.utils.quality_metrics import DEFAULT_PARTS


class StageCache:
    """Looks a stage's result up before making it.

    Args:
        settings: folders, lifetimes and size limit.
        read: look up (True), or make everything anew; what is made is kept either way.

    """

    def __init__(self, settings: Settings, *, read: bool = True) -> None:
        self._settings = settings
        self._read = read

    def stems(self, key: str, song: Audio, separate: Callable[[], Stems]) -> Stems:
        """Stems of the song. Only the vocals are stored: the accompaniment is the rest of the song."""
        cache, entry = self._look_up("separations", key)
        if entry is not None:
            vocals = Audio(entry["vocals"], song.sample_rate)
            rest = Audio(song.samples - vocals.samples, song.sample_rate)
            meta = entry.meta
            return Stems(vocals=vocals, accompaniment=rest, model=meta["model"], warnings=tuple(meta["warnings"]))
        stems = separate()
        notes = {"model": stems.model, "warnings": list(stems.warnings)}
        cache.put(key, {"vocals": stems.vocals.samples}, notes)
        return stems

    def contour(self, key: str, extract: Callable[[], PitchContour]) -> PitchContour:
        """Pitch contour of vocals."""
        cache, entry = self._look_up("pitch", key)
        if entry is not None:
            return PitchContour(f0=entry["f0"], confidence=entry["confidence"], hop_seconds=entry.meta["hop_seconds"])
        contour = extract()
        arrays = {"f0": contour.f0, "confidence": contour.confidence}
        cache.put(key, arrays, {"hop_seconds": contour.hop_seconds})
        return contour

    def content(self, key: str, extract: Callable[[], ContentFeatures]) -> ContentFeatures:
        """Content features of vocals."""
        cache, entry = self._look_up("content", key)
        if entry is not None:
            return ContentFeatures(
                frames=entry["frames"], hop_seconds=entry.meta["hop_seconds"], model=entry.meta["model"]
            )
        content = extract()
        notes = {"hop_seconds": content.hop_seconds, "model": content.model}
        cache.put(key, {"frames": content.frames}, notes)
        return content

    def converted(self, key: str, convert: Callable[[], Audio]) -> Audio:
        """Converted vocals."""
        cache, entry = self._look_up("conversions", key)
        if entry is not None:
            return Audio(entry["samples"], entry.meta["sample_rate"])
        audio = convert()
        cache.put(key, {"samples": audio.samples}, {"sample_rate": audio.sample_rate})
        return audio

    def scores(self, key: str, score: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Quality scores of converted vocals. Those with gaps are not kept: a missing model may come."""
        cache, entry = self._look_up("conversions", key)
        if entry is not None:
            return dict(entry.meta["scores"])
        scores = score()
        if all(scores.get(name, {}).get("reason") is None for name in DEFAULT_PARTS):
            cache.put(key, {}, {"scores": scores})
        return scores

    def _look_up(self, kind: CacheKind, key: str) -> tuple[Cache, Entry | None]:
        cache = open_cache(self._settings, kind)
        return cache, cache.get(key) if self._read else None


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
