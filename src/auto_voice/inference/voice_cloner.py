"""Voice cloning: recordings of somebody in, a voice profile out.

A voice needs 30 s of recording in all (`limits.min_profile_duration_s`) and, in it, two thirds as much of
actual voice: 20 s. Of more than 120 s (`limits.max_profile_duration_s`) the best 120 s are learnt from.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from auto_voice.audio import Audio
from auto_voice.config import Settings, load_settings
from auto_voice.features import Progress, no_progress, part_of
from auto_voice.inference.pipeline.engines import GivenEngines, make_engines
from auto_voice.inference.pipeline.voice_adaptation import adapt as adapt_voice
from auto_voice.inference.pipeline.voice_adaptation import adaptive
from auto_voice.inference.recordings.cleanup import MAXIMUM_RATE, join, phrases
from auto_voice.inference.recordings.hearing import HeardVoice, VoiceHearing
from auto_voice.inference.recordings.quality import combine, remarks
from auto_voice.inference.recordings.sources import Recording, Source, open_recordings
from auto_voice.inference.recordings.speech_activity import SpeechActivityDetector
from auto_voice.inference.recordings.vocal_range import vocal_range
from auto_voice.models.runtime import ModelRuntime
from auto_voice.profiles import AudioInfo, Consent, EmbeddingInfo, ProfileStore, QualityMetrics, VoiceProfile
from auto_voice.profiles.profile import DEFAULT_NAME, clean_description, clean_name, clean_user_id
from auto_voice.utils.speaker import ENCODER, SpeakerEncoder, similarity

if TYPE_CHECKING:
    from auto_voice.inference.content import ContentExtractor
    from auto_voice.inference.conversion import AdaptiveConverter, Converter
    from auto_voice.inference.pitch import PitchExtractor
    from auto_voice.inference.separation import Separator

SAME_PERSON = 0.75
"""Cosine between parts of a recording: in six readers 0.83 or more, between any two of them 0.65 or less."""
SEVERAL_PEOPLE = (
    "Parts of the recording sound like different people: use recordings of one person, all spoken or all sung."
)

_PART_SECONDS = 8.0
_LEARNING_SHARE = 0.2  # of the time, where a voice is adapted as well


class VoiceCloner:
    """Makes voice profiles. Thread-safe; models are shared through the runtime.

    Args:
        device: overrides `gpu.device` where no runtime is given.
        settings: the configured ones when not given.
        runtime: where models live; one of its own when not given.
        separator: serves instead of the default preset's, as do pitch, content and converter.
        pitch: see separator.
        content: see separator.
        converter: see separator.
    """

    def __init__(
        self,
        device: str | None = None,
        settings: Settings | None = None,
        runtime: ModelRuntime | None = None,
        *,
        separator: Separator | None = None,
        pitch: PitchExtractor | None = None,
        content: ContentExtractor | None = None,
        converter: Converter | None = None,
    ) -> None:
        self._settings = settings or load_settings()
        self._runtime = runtime or ModelRuntime(self._settings, device)
        given = GivenEngines(separator=separator, pitch=pitch, content=content, converter=converter)
        preset = self._settings.quality.default_preset
        self._engines = make_engines(preset, self._settings, self._runtime, given)
        self._hearing = VoiceHearing(self._settings, self._engines, SpeechActivityDetector(self._runtime))
        self._speaker = SpeakerEncoder(self._runtime)
        self._store = ProfileStore(self._settings)

    def create_voice_profile(
        self,
        audio: Source | Sequence[Source],
        user_id: str = "default",
        profile_name: str | None = None,
        description: str = "",
        *,
        separate_vocals: bool = False,
        profile_id: str | None = None,
        consent: Consent | None = None,
        adapt: bool = False,
        progress: Progress = no_progress,
    ) -> VoiceProfile:
        """Learn a voice and store it.

        Args:
            audio: one recording or several of one person, spoken or sung: paths, file contents or Audio.
            user_id: the owner.
            profile_name: DEFAULT_NAME when not given.
            description: may be empty.
            separate_vocals: the recordings are songs; their vocals are taken out first.
            profile_id: the new voice's id, a random one when not given. A voice that has it already is given back
                as it is, so that the same order carried out twice makes one voice.
            consent: the statement that the speaker agrees; kept with the profile.
            adapt: fit the converter to the voice, too: see `adapt_voice_profile`.
            progress: called with 0–1; cancels by raising.

        Raises:
            AudioTooShortError: less than 30 s in all, or less than 20 s of voice in them; says how much.
            LowQualityAudioError: no voice, too much noise or music behind it, or clipped; with the remedy.
            InvalidAudioError, FileTooLargeError, NotFoundError: a recording cannot be read.
            InvalidParametersError: a name that cannot be, or the converter cannot be adapted.
            ModelLoadError: a model is not installed.
            StorageError: the profile cannot be written.
        """
        learning = part_of(progress, 0.0, _LEARNING_SHARE) if adapt else progress
        converter = self._adaptive() if adapt else None
        owner = clean_user_id(user_id)
        name = clean_name(DEFAULT_NAME if profile_name is None else profile_name)
        about = clean_description(description)
        sources = [audio] if isinstance(audio, str | bytes | Path | Audio) else list(audio)
        recordings = open_recordings(sources, self._settings)
        heard, warnings = self._hearing.hear_all(
            recordings, separate=separate_vocals, progress=part_of(learning, 0.0, 0.6)
        )
        reference = self._assemble(heard, warnings)
        contour = self._hearing.contour(reference, part_of(learning, 0.6, 0.65))
        content = self._engines.content.extract(reference, part_of(learning, 0.65, 0.8))
        state = self._engines.converter.learn(reference, contour, content)
        learning(0.9)
        embedding = self._speaker.embed(reference)
        profile = VoiceProfile(
            profile_id=profile_id or str(uuid.uuid4()),
            user_id=owner,
            profile_name=name,
            description=about,
            audio_info=_audio_info(recordings, reference),
            vocal_range=vocal_range(contour),
            quality_metrics=self._quality_metrics(heard, reference, warnings),
            embedding_info=EmbeddingInfo(
                model=ENCODER,
                dimensions=embedding.size,
                split_half_similarity=round(self._speaker.split_half_similarity(reference), 3),
            ),
            consent=consent,
        )
        learning(0.95)
        if converter:
            state, adaptation = adapt_voice(
                converter, reference, contour, content, state, part_of(progress, _LEARNING_SHARE, 0.98)
            )
            profile = profile.model_copy(update={"adaptation": adaptation})
        progress(0.98)  # the last moment to be told that nobody wants the voice any more
        stored = self._store.create(
            profile,
            embedding=embedding,
            reference=reference,
            voice_states={self._engines.converter.name: state},
        )
        progress(1.0)
        return stored

    def create_voice_profile_from_multiple_samples(
        self,
        audio_paths: Sequence[Source],
        user_id: str = "default",
        profile_name: str | None = None,
        description: str = "",
        *,
        separate_vocals: bool = False,
        adapt: bool = False,
        progress: Progress = no_progress,
    ) -> VoiceProfile:
        """Learn a voice from several recordings; `create_voice_profile` says how."""
        return self.create_voice_profile(
            list(audio_paths),
            user_id,
            profile_name,
            description,
            separate_vocals=separate_vocals,
            adapt=adapt,
            progress=progress,
        )

    def adapt_voice_profile(
        self, profile_id: str, user_id: str | None = None, progress: Progress = no_progress
    ) -> VoiceProfile:
        """Fit the converter to a stored voice: minutes in which it comes nearer to it, if it can.

        The fitted voice takes the place of the one that was learnt at once only if it scores better: more alike, and
        not less natural by more than that is worth. Its scores are kept with the profile either way.

        Args:
            profile_id: the voice.
            user_id: the profile must be this user's.
            progress: called with 0–1; cancels by raising.

        Raises:
            InvalidParametersError: the default preset's converter cannot be adapted.
            ProfileNotFoundError: this user has no such profile.
            LowQualityAudioError: there is not enough voice in its recording.
            ModelLoadError: a model is not installed.
            StorageError: the profile is damaged, or cannot be written.
        """
        converter = self._adaptive()
        self._store.get(profile_id, user_id)
        reference = self._store.load_reference(profile_id)
        contour = self._hearing.contour(reference, part_of(progress, 0.0, 0.05))
        content = self._engines.content.extract(reference, part_of(progress, 0.05, 0.1))
        learnt = self._engines.converter.learn(reference, contour, content)
        state, adaptation = adapt_voice(converter, reference, contour, content, learnt, part_of(progress, 0.1, 0.99))
        progress(0.99)
        stored = self._store.save_voice_state(profile_id, converter.name, state, adaptation)
        progress(1.0)
        return stored

    def _adaptive(self) -> AdaptiveConverter:
        return adaptive(self._engines.converter, self._settings.quality.default_preset)

    def _assemble(self, heard: Sequence[HeardVoice], warnings: list[str]) -> Audio:
        """One clean recording of them all, at the highest of their rates."""
        rate = min(max(each.sound.sample_rate for each in heard), MAXIMUM_RATE)
        found = [phrase for each in heard for phrase in phrases(each.sound, each.voice, each.quality.snr_db, rate)]
        longest = self._settings.limits.max_profile_duration_s
        total = sum(phrase.samples.size for phrase in found) / rate
        if total > longest:
            warnings.append(f"Of {total:.0f} s of voice the best {longest:.0f} s are used.")
        return join(found, rate, longest)

    def _quality_metrics(
        self, heard: Sequence[HeardVoice], reference: Audio, warnings: Sequence[str]
    ) -> QualityMetrics:
        quality = combine([each.quality for each in heard])
        consistency = self._consistency(reference)
        doubts = [SEVERAL_PEOPLE] if consistency < SAME_PERSON else []
        return QualityMetrics(
            snr_db=round(quality.snr_db, 1),
            quality_score=round(quality.score, 3),
            clipping_ratio=round(quality.clipping_ratio, 5),
            bandwidth_hz=round(quality.bandwidth_hz),
            voice_seconds=round(quality.voice_seconds, 1),
            voice_consistency=round(consistency, 3),
            warnings=(*warnings, *remarks(quality), *doubts),
        )

    def _consistency(self, reference: Audio) -> float:
        """Lowest cosine between two parts of the recording, of eight seconds or a little more."""
        parts = max(2, int(reference.duration / _PART_SECONDS))
        voices = [
            self._speaker.embed(Audio(samples, reference.sample_rate))
            for samples in np.array_split(reference.samples, parts, axis=1)
        ]
        return min(similarity(one, other) for one, other in combinations(voices, 2))


def _audio_info(recordings: Sequence[Recording], reference: Audio) -> AudioInfo:
    first = recordings[0].info
    return AudioInfo(
        duration_seconds=round(sum(recording.audio.duration for recording in recordings), 3),
        sample_rate=first.sample_rate,
        channels=first.channels,
        format=first.format,
        file_size_bytes=sum(recording.info.file_size_bytes for recording in recordings),
        recordings=len(recordings),
        reference_seconds=round(reference.duration, 3),
    )
