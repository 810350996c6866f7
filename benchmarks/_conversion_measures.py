"""What is measured of one conversion."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from _conversion_pairs import Piece, Target
from _joint_pitch import JointTracker, MelodyAccuracy, Readings, compare
from auto_voice.audio import Audio
from auto_voice.config import Settings
from auto_voice.errors import ModelLoadError
from auto_voice.models.runtime import ModelRuntime
from auto_voice.utils.intelligibility import WordRecognizer, normalise, word_error_rate
from auto_voice.utils.naturalness import NaturalnessJudge, representative_places, segments
from auto_voice.utils.speaker import Embedding, SpeakerEncoder, VoiceEncoder, similarity
from auto_voice.utils.speaker_dvector import FILE, MODEL, DVectorEncoder

QUIET_DBFS = -60.0
IN_RANGE_SEMITONES = 7.0
LEAST_DIFFERENT_WORDS = 4
"""What a recogniser writes down of fewer is a vowel, or the same syllable over and over: nothing that could be lost."""

_LOUDNESS_CHANGE = 10 ** (-3 / 20)
_DELAY_SECONDS = 0.007


@dataclass(frozen=True)
class Heard:
    """A source as the judges hear it: what its conversions are compared with.

    Attributes:
        piece: the source.
        text: its words as Whisper writes them down.
        language: ISO 639-1 code.
        words: how many they are; 0 where there are none to speak of, see LEAST_DIFFERENT_WORDS.
        own_wer: how sure of them it is: the WER when it hears the source again, 3 dB quieter and 7 ms later; None
            where there are no words.
        places: seconds at which naturalness is judged.
        mos: DistillMOS.
        dnsmos: DNSMOS, overall.
        embeddings: by the encoder's name.
    """

    piece: Piece
    text: str
    language: str
    words: int
    own_wer: float | None
    places: list[float]
    mos: float
    dnsmos: float
    embeddings: dict[str, Embedding]


@dataclass(frozen=True)
class Likeness:
    """Cosines by one encoder; None where nothing of the target was held out.

    Attributes:
        profile: the conversion and the recording that was cloned.
        held_out: the conversion and recordings that the profile never saw.
        source: the conversion and its source: what is left of the singer.
        before: the source and the recording that was cloned: where the conversion began.
        ceiling: the target with itself, half against half.
        held_out_ceiling: the target's recording and what was held out.
    """

    profile: float
    held_out: float | None
    source: float
    before: float
    ceiling: float
    held_out_ceiling: float | None


@dataclass(frozen=True)
class Row:
    """Every figure of one pair. WER counts at most 1; MOS and DNSMOS are of the same seconds as the source's own."""

    source: str
    group: str
    spoken: bool
    target: str
    target_kind: str
    held_out: bool
    semitones: float
    in_range: bool
    likeness: dict[str, Likeness]
    melody: MelodyAccuracy
    words: int
    wer: float | None
    own_wer: float | None
    mos: float
    own_mos: float
    dnsmos: float
    own_dnsmos: float
    silence_dbfs: float | None
    rtf: float

    @property
    def wer_over_own(self) -> float | None:
        """Words that the conversion lost; None where the source has no words."""
        return None if self.wer is None or self.own_wer is None else self.wer - self.own_wer


class Judges:
    """Everything that listens, with one runtime."""

    def __init__(self, settings: Settings, runtime: ModelRuntime) -> None:
        self.tracker = JointTracker(settings, runtime)
        self.encoders: list[VoiceEncoder] = installed_encoders(runtime)
        self._words = WordRecognizer(runtime)
        self._naturalness = NaturalnessJudge(runtime)

    def hear(self, piece: Piece) -> Heard:
        """Find out what there is to keep in a source.

        Raises:
            InputError: there is no voice in it.
        """
        heard = self._words.transcribe(piece.audio)
        again = self._words.transcribe(moved(piece.audio), heard.language)
        places = representative_places(piece.audio)
        mos, dnsmos = self.naturalness(piece.audio, places)
        return Heard(
            piece=piece,
            text=heard.text,
            language=heard.language,
            words=len(words_of(heard.text, heard.language)),
            own_wer=wer(heard.text, again.text, heard.language),
            places=places,
            mos=mos,
            dnsmos=dnsmos,
            embeddings={encoder.name: encoder.embed(piece.audio) for encoder in self.encoders},
        )

    def naturalness(self, audio: Audio, places: list[float]) -> tuple[float, float]:
        """DistillMOS and DNSMOS at these seconds."""
        parts = segments(audio, places)
        return self._naturalness.mos(parts), self._naturalness.dnsmos(parts)["overall"]

    def transcribe(self, audio: Audio, language: str) -> str:
        """The words, as Whisper base hears them."""
        return self._words.transcribe(audio, language).text

    def judge(
        self, source: Heard, target: Target, converted: Audio, sung: Readings, semitones: float, seconds: float
    ) -> Row:
        """Measure a conversion, in which the trackers hear `sung`, that took `seconds` and was moved by `semitones`.

        Raises:
            InputError: there is nothing to be heard in it.
        """
        piece = source.piece
        mos, dnsmos = self.naturalness(converted, source.places)
        return Row(
            source=piece.name,
            group=piece.group,
            spoken=piece.spoken,
            target=target.name,
            target_kind=target.kind,
            held_out=target.held_out,
            semitones=semitones,
            in_range=in_range(piece.median_hz, semitones, target.median_hz),
            likeness={encoder.name: self._likeness(encoder, source, target, converted) for encoder in self.encoders},
            melody=compare(piece.readings, sung, semitones),
            words=source.words,
            wer=wer(source.text, self.transcribe(converted, source.language), source.language),
            own_wer=source.own_wer,
            mos=mos,
            own_mos=source.mos,
            dnsmos=dnsmos,
            own_dnsmos=source.dnsmos,
            silence_dbfs=level_where_quiet(converted, piece.audio),
            rtf=piece.audio.duration / seconds,
        )

    @staticmethod
    def _likeness(encoder: VoiceEncoder, source: Heard, target: Target, converted: Audio) -> Likeness:
        voice, print_ = encoder.embed(converted), target.prints[encoder.name]
        own = source.embeddings[encoder.name]
        return Likeness(
            profile=similarity(voice, print_.profile),
            held_out=None if print_.held_out is None else similarity(voice, print_.held_out),
            source=similarity(voice, own),
            before=similarity(own, print_.profile),
            ceiling=print_.ceiling,
            held_out_ceiling=print_.held_out_ceiling,
        )


def installed_encoders(runtime: ModelRuntime) -> list[VoiceEncoder]:
    """GE2E, and the second encoder where somebody has fetched it; says so where nobody has."""
    encoders: list[VoiceEncoder] = [SpeakerEncoder(runtime)]
    try:
        runtime.model_file(MODEL, FILE)
    except ModelLoadError as error:
        print(f"no second speaker encoder: {error.message} ({'; '.join(error.suggestions)})")
        return encoders
    return [*encoders, DVectorEncoder(runtime)]


def moved(audio: Audio) -> Audio:
    """The same, 3 dB quieter and 7 ms later: nothing that a listener would call a change."""
    delay = round(_DELAY_SECONDS * audio.sample_rate)
    return Audio(np.pad(audio.samples * np.float32(_LOUDNESS_CHANGE), ((0, 0), (delay, 0))), audio.sample_rate)


def words_of(text: str, language: str) -> list[str]:
    """The words of a transcript; none where too few of them differ."""
    words = normalise(text, language).split()
    return words if len(set(words)) >= LEAST_DIFFERENT_WORDS else []


def wer(reference: str, hypothesis: str, language: str) -> float | None:
    """Word error rate, at most 1 so that a recogniser that babbles counts once; None where there are no words."""
    return min(1.0, word_error_rate(reference, hypothesis, language)) if words_of(reference, language) else None


def words_lost(rows: Iterable[Row]) -> float:
    """Words that were lost over those that the recogniser is unsure of, per word of all sources; NaN without words."""
    known = [(row.wer_over_own, row.words) for row in rows if row.wer_over_own is not None]
    total = sum(words for _, words in known)
    return sum(lost * words for lost, words in known) / total if total else math.nan


def in_range(source_hz: float, semitones: float, target_hz: float) -> bool:
    """Whether the transposed melody's middle lies within 7 semitones of the target's own."""
    return abs(12 * math.log2(source_hz / target_hz) + semitones) <= IN_RANGE_SEMITONES


def level_where_quiet(converted: Audio, source: Audio) -> float | None:
    """Mean power in dBFS of the conversion in those 50 ms in which the source is below −60 dBFS; None if none is."""
    width = source.sample_rate // 20
    count = min(source.frames, converted.frames) // width

    def powers(audio: Audio) -> NDArray[np.float32]:
        squares = np.square(audio.samples[:, : count * width]).reshape(audio.channels, count, width)
        return np.asarray(squares.mean(axis=(0, 2)))

    quiet = powers(source) < 10 ** (QUIET_DBFS / 10)
    return float(10 * np.log10(powers(converted)[quiet].mean() + 1e-12)) if quiet.any() else None


def mean(values: Iterable[float | None]) -> float:
    """Mean of the values that are known; NaN where none is."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
