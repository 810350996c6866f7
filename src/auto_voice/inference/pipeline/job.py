"""One conversion on its way through the stages: into which voice, with what, watched by whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from auto_voice.audio import Audio
from auto_voice.config import PresetName
from auto_voice.features import PitchContour, Progress, RuntimeEvent, Stems, Transposition
from auto_voice.inference.conversion import choose_transposition
from auto_voice.inference.pipeline.engines import Engines
from auto_voice.inference.pipeline.result import ConversionResult
from auto_voice.inference.pipeline.stage_cache import StageCache, stage_key
from auto_voice.parameters import PitchShift
from auto_voice.progress import StageWatch

if TYPE_CHECKING:
    from auto_voice.profiles import VoiceProfile

NO_VOCALS = "No vocals were found: the song is returned unchanged."
_UNSUNG_HOP_SECONDS = 0.01
_NOTHING_SUNG = Transposition(semitones=0.0, reason="there is no melody to move")
_NOT_MOVED = Transposition(semitones=0.0, reason="the melody stays where it was sung")


@dataclass(frozen=True, kw_only=True)
class ConversionJob:
    """What the stages of one conversion share.

    Attributes:
        profile: the voice.
        preset: the name of the preset in force.
        engines: that preset's.
        pitch_shift: as asked for.
        cache: where the stages' results are kept.
        watch: follows the progress and measures the stages.
    """

    profile: VoiceProfile
    preset: PresetName
    engines: Engines
    pitch_shift: PitchShift
    cache: StageCache
    watch: StageWatch

    def melody(self, vocals: Audio, key: str, progress: Progress) -> PitchContour:
        """The pitch contour of vocals, which `key` stands for."""
        pitch = self.engines.pitch
        return self.cache.contour(stage_key(key, pitch.name), lambda: pitch.extract(vocals, progress))

    def transposition(self, contour: PitchContour) -> Transposition:
        """How far this melody is moved for this voice, and why."""
        if self.pitch_shift == "auto":
            voice = self.profile.vocal_range
            return choose_transposition(contour, voice.min_pitch_hz, voice.median_pitch_hz, voice.max_pitch_hz)
        if self.pitch_shift == 0:
            return _NOT_MOVED
        return Transposition(semitones=float(self.pitch_shift), reason="as asked for")

    def result(
        self,
        mixed: Audio,
        stems: Stems,
        contour: PitchContour,
        transposition: Transposition,
        *,
        converted_vocals: Audio | None = None,
        converted_f0_contour: PitchContour | None = None,
        quality_metrics: dict[str, Any] | None = None,
        events: Sequence[RuntimeEvent] = (),
    ) -> ConversionResult:
        """The result with the account of how it was made; stems are given where `converted_vocals` are."""
        return ConversionResult(
            mixed_audio=mixed,
            f0_contour=contour,
            converted_f0_contour=converted_f0_contour,
            stems=None if converted_vocals is None else replace(stems, vocals=converted_vocals),
            quality_metrics=quality_metrics or {},
            warnings=[*stems.warnings, *(event.what for event in events)],
            stage_seconds=dict(self.watch.seconds),
            metadata={
                "profile_id": self.profile.profile_id,
                "profile_name": self.profile.profile_name,
                "preset": self.preset,
                "separation_model": stems.model,
                "pitch_engine": self.engines.pitch.name,
                "content_model": self.engines.content.name,
                "converter": self.engines.converter.name,
                "transposition": asdict(transposition),
                "original_duration_seconds": stems.vocals.duration,
                "converted_duration_seconds": mixed.duration,
                "sample_rate": mixed.sample_rate,
                "channels": mixed.channels,
                "events": [{"what": event.what, **event.details} for event in events],
            },
        )

    def unchanged(self, song: Audio, stems: Stems, return_stems: bool) -> ConversionResult:
        """The answer to an instrumental piece: itself."""
        with self.watch.stage("audio_mixing"):
            unvoiced = np.zeros(int(song.duration / _UNSUNG_HOP_SECONDS) + 1, np.float32)
        contour = PitchContour(f0=unvoiced, confidence=unvoiced, hop_seconds=_UNSUNG_HOP_SECONDS)
        vocals = stems.vocals if return_stems else None
        result = self.result(song, stems, contour, _NOTHING_SUNG, converted_vocals=vocals)
        return replace(result, warnings=[NO_VOCALS, *result.warnings])
