"""What is converted into whom: the sources and the target voices of the conversion benchmark.

Sources: the true vocal stems of four songs in pieces of 10 s, as far as somebody sings in them; four solo singers;
three readers. Targets: six readers, of whom a minute makes the profile and the rest is held out; and two singers,
cloned from their singing. Nobody is converted into himself.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from _joint_pitch import JointTracker, Readings, median_hz
from _recordings import HELD_OUT_READERS, READERS, SINGERS, SONGS, SPEECH_SOURCES
from auto_voice import audio as sound
from auto_voice.audio import Audio
from auto_voice.errors import InputError, ProfileNotFoundError
from auto_voice.inference.voice_cloner import VoiceCloner
from auto_voice.profiles import ProfileStore, VoiceProfile
from auto_voice.utils.speaker import Embedding, VoiceEncoder, similarity

OWNER = "benchmark"
PROFILE_SECONDS = 60.0
SHORTEST_HELD_OUT_SECONDS = 5.0
LEAST_VOICE = 0.25
"""Share of a piece in which there must be a note."""

SONGS_SINGER = "the songs' singer"
SINGING_TARGETS = (SONGS_SINGER, "vocadito_1")
_WHOLE_SONG_EXCERPT = (150.0, 195.0)
"""Seconds of the whole of `lithium` that are sung without other voices and lie before the 40 s that are converted."""


@dataclass(frozen=True)
class Piece:
    """A stretch of a recording that is to be converted.

    Attributes:
        name: of the piece.
        group: what it is counted with: the song's name, "solo singers" or "readers".
        singer: who is heard.
        spoken: whether it is speech.
        audio: the sound.
        readings: its melody by both trackers.
    """

    name: str
    group: str
    singer: str
    spoken: bool
    audio: Audio
    readings: Readings

    @cached_property
    def median_hz(self) -> float:
        """The middle of its melody."""
        return median_hz(self.readings)


@dataclass(frozen=True)
class VoicePrint:
    """A target as one speaker encoder knows it.

    Attributes:
        profile: embedding of the recording that was cloned.
        held_out: of recordings that the profile never saw; None where there are none.
        ceiling: cosine of the two halves of the profile's recording.
        held_out_ceiling: cosine of the profile and what was held out.
    """

    profile: Embedding
    held_out: Embedding | None
    ceiling: float
    held_out_ceiling: float | None


@dataclass(frozen=True)
class Target:
    """A cloned voice.

    Attributes:
        name: reader's number or singer's name.
        singer: who must not be converted into it.
        kind: "readers" or "singers".
        held_out: nobody tunes with this voice.
        profile_id: its profile.
        median_hz: where the voice lies.
        prints: by the encoder's name.
    """

    name: str
    singer: str
    kind: str
    held_out: bool
    profile_id: str
    median_hz: float
    prints: dict[str, VoicePrint]


def excerpt(audio: Audio, start: float, end: float) -> Audio:
    """The part from `start` to `end` seconds."""
    first, last = (round(each * audio.sample_rate) for each in (start, end))
    return Audio(np.ascontiguousarray(audio.samples[:, first:last]), audio.sample_rate)


def joined(recordings: Sequence[Audio]) -> Audio:
    """One after the other."""
    return Audio(np.concatenate([part.samples for part in recordings], axis=1), recordings[0].sample_rate)


def chosen(names: Sequence[str], wishes: Sequence[str] | None) -> list[str]:
    """The names asked for, in their own order: each wish is a name, a number for the first so many, or a beginning.

    Raises:
        SystemExit: a wish that fits nothing.
    """
    found: set[str] = set()
    for wish in wishes or names:
        if wish in names:
            fitting = [wish]
        elif wish.isdigit() and int(wish) <= len(names):
            fitting = list(names[: int(wish)])
        else:
            fitting = [name for name in names if name.startswith(wish)]
        if not fitting:
            raise SystemExit(f"there is no {wish!r}: choose from {', '.join(names)}, or a number")
        found.update(fitting)
    return [name for name in names if name in found]


def source_names() -> list[str]:
    """What `--sources` may name."""
    return [*SONGS, *SINGERS, *SPEECH_SOURCES]


def target_names() -> list[str]:
    """What `--targets` may name."""
    return [*READERS, *SINGING_TARGETS]


def load_pieces(data: Path, names: Iterable[str], tracker: JointTracker, seconds: float, *, quick: bool) -> list[Piece]:
    """Cut the named recordings into pieces with voice in them; `quick` keeps the one with most of it."""
    found: list[Piece] = []
    for name in names:
        path, group, singer, spoken = _whereabouts(data, name)
        whole = sound.decode(path)
        starts = [0.0] if spoken else np.arange(0, max(whole.duration - seconds / 2, 1e-3), seconds).tolist()
        pieces = []
        for start in starts:
            part = excerpt(whole, start, min(start + seconds, whole.duration))
            label = name if len(starts) == 1 else f"{name}-{start:.0f}s"
            pieces.append(Piece(label, group, singer, spoken, part, tracker.read(part)))
        if quick:
            pieces = sorted(pieces, key=_voice)[-1:]
        found += [piece for piece in pieces if _voice(piece) >= LEAST_VOICE]
    return found


def _voice(piece: Piece) -> float:
    """Share of the frames in which either tracker hears a note."""
    return float((piece.readings > 0).any(axis=0).mean())


def _whereabouts(data: Path, name: str) -> tuple[Path, str, str, bool]:
    """File, group, singer, and whether it is speech."""
    if name in SONGS:
        return data / "songs" / name / "vocals.flac", name, SONGS_SINGER, False
    if name in SINGERS:
        return data / "singing" / f"{name}.wav", "solo singers", name, False
    return data / "speech" / "librispeech-train-clean-100" / f"{name}.flac", "readers", name, True


class TargetMaker:
    """Clones the targets, or finds them cloned by an earlier run, whose adaptation then stays as that run made it."""

    def __init__(
        self, cloner: VoiceCloner, store: ProfileStore, encoders: Sequence[VoiceEncoder], *, adapted: bool
    ) -> None:
        self._cloner = cloner
        self._store = store
        self._encoders = encoders
        self._adapted = adapted

    def make(self, data: Path, name: str) -> Target:
        """The named target.

        Raises:
            SystemExit: the voice cannot be cloned.
        """
        recordings, held_out = target_recordings(data, name)
        profile = self._profile(name, recordings)
        reference = self._store.load_reference(profile.profile_id)
        return Target(
            name=name,
            singer=name,
            kind="singers" if name in SINGING_TARGETS else "readers",
            held_out=name in HELD_OUT_READERS,
            profile_id=profile.profile_id,
            median_hz=profile.vocal_range.median_pitch_hz,
            prints={encoder.name: voice_print(encoder, reference, held_out) for encoder in self._encoders},
        )

    def _profile(self, name: str, recordings: list[Audio]) -> VoiceProfile:
        kind = "adapted" if self._adapted else "plain"
        profile_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{OWNER}/{name}/{kind}"))
        try:
            return self._store.get(profile_id)
        except ProfileNotFoundError:
            wish: dict[str, Any] = {"adapt": True} if self._adapted else {}
        try:
            return self._cloner.create_voice_profile(
                recordings, OWNER, f"{name} ({kind})", profile_id=profile_id, **wish
            )
        except InputError as error:
            raise SystemExit(f"{name} cannot be cloned: {error.message}") from error


def target_recordings(data: Path, name: str) -> tuple[list[Audio], Audio | None]:
    """What a target is cloned from, and what is held out."""
    if name == SONGS_SINGER:
        song = sound.decode(data / "songs" / "lithium-full" / "vocals.mp3")
        return [excerpt(song, *_WHOLE_SONG_EXCERPT)], sound.decode(data / "songs" / "lithium" / "vocals.flac")
    if name in SINGERS:
        return [sound.decode(data / "singing" / f"{name}.wav")], None
    folder = data / "speech" / "librispeech-test-other" / name
    utterances = [sound.decode(path) for path in sorted(folder.glob("*.flac"))]
    count = profile_count([utterance.duration for utterance in utterances])
    return utterances[:count], joined(utterances[count:])


def profile_count(durations: Sequence[float]) -> int:
    """How many recordings make a profile: about a minute, as long as there is something left to be held out."""
    ends = np.cumsum(durations)
    most = int(np.searchsorted(ends, ends[-1] - SHORTEST_HELD_OUT_SECONDS, side="right"))
    return min(int(np.searchsorted(ends, PROFILE_SECONDS)) + 1, most)


def voice_print(encoder: VoiceEncoder, reference: Audio, held_out: Audio | None) -> VoicePrint:
    """A target's recordings as one encoder hears them."""
    profile = encoder.embed(reference)
    unseen = None if held_out is None else encoder.embed(held_out)
    return VoicePrint(
        profile=profile,
        held_out=unseen,
        ceiling=encoder.split_half_similarity(reference),
        held_out_ceiling=None if unseen is None else similarity(profile, unseen),
    )
