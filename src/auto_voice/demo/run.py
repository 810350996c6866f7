"""The whole main job once: a voice is cloned, a song converted into it, a sentence spoken in it, all of it shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from auto_voice.atomic_file import atomic_write
from auto_voice.audio import Audio, decode, encode, probe
from auto_voice.demo.folder import MY_VOICE, SONG, DemoFolder
from auto_voice.demo.material import Material, StockMaterial
from auto_voice.demo.results import Results, write_results
from auto_voice.features import Progress
from auto_voice.inference.pipeline.stage_cache import StageCache, content_hash, stage_key
from auto_voice.inference.singing_conversion_pipeline import SingingConversionPipeline
from auto_voice.inference.voice_cloner import VoiceCloner
from auto_voice.models.runtime import ModelRuntime
from auto_voice.parameters import song_limits
from auto_voice.profiles import ProfileStore, VoiceProfile
from auto_voice.storage.cache import open_cache

if TYPE_CHECKING:
    from auto_voice.config import Settings
    from auto_voice.inference.pipeline.result import ConversionResult

SENTENCE = "I never said these words. My computer has learnt my voice, and speaks them for me."
USER_ID = "demo"

ShowProgress = Callable[[float, str], None]
"""Called with the fraction of the whole that is done, and what is being done; cancels by raising."""

_WEIGHTS = {"reading": 30, "singing": 25, "voice cloning": 12, "converting": 20, "speaking": 10, "writing": 3}
"""How long each part takes, roughly: percent of the whole."""


class PartProgress(Protocol):
    """Progress of one part; called with the fraction alone it serves as any stage's progress callback."""

    def __call__(self, fraction: float, label: str = ...) -> None:
        """Tell how much of the part is done, and what is being done where that is not the part's name."""


class Speaker(Protocol):
    """Speaks in cloned voices; the TTS engine."""

    def synthesize(self, text: str, voice: str) -> Audio:
        """Speak the text in the voice of a profile."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a demonstration gives.

    Attributes:
        voice: the recording of the voice.
        song: the song.
        files: what was written, by what it is; `write_results` lists them.
        profile: the cloned voice.
        conversion: the converted song with its scores.
        seconds: how long each part took, in order.
        warnings: sentences for the user.
    """

    voice: Path
    song: Path
    files: dict[str, Path]
    profile: VoiceProfile
    conversion: ConversionResult
    seconds: dict[str, float]
    warnings: list[str]


class Demo:
    """One demonstration. What an earlier one in the same folder made is used again where nothing has changed.

    Args:
        settings: the configured ones; profiles and caches are kept in the folder, apart from the user's own.
        folder: where everything is written.
        use_cache: False makes everything anew.
        runtime: where models live; one of its own when not given.
        material: makes voice and song; stock voices when not given.
        cloner: makes profiles in the folder's settings; the real one when not given.
        pipeline: see cloner.
        speaker: see cloner.
    """

    def __init__(
        self,
        settings: Settings,
        folder: DemoFolder,
        *,
        use_cache: bool = True,
        runtime: ModelRuntime | None = None,
        material: Material | None = None,
        cloner: VoiceCloner | None = None,
        pipeline: SingingConversionPipeline | None = None,
        speaker: Speaker | None = None,
    ) -> None:
        self._settings = folder.settings(settings)
        self._folder = folder
        self._use_cache = use_cache
        self._runtime = runtime or ModelRuntime(self._settings)
        self._material = material or StockMaterial(self._settings, self._runtime)
        self._profiles = ProfileStore(self._settings)
        self._cloner = cloner or VoiceCloner(settings=self._settings, runtime=self._runtime)
        self._pipeline = pipeline or SingingConversionPipeline(self._settings, runtime=self._runtime)
        self._given_speaker = speaker
        self._cache = StageCache(self._settings, read=use_cache)

    def run(self, show: ShowProgress, song: Path | None = None, voice: Path | None = None) -> Outcome:
        """Do it all.

        Args:
            show: told how far the work is.
            song: the user's own song; ours when not given.
            voice: a recording of the user's own voice, 30 s or more; ours when not given.

        Raises:
            NotFoundError, InvalidAudioError, FileTooLargeError: a file of the user's cannot be used.
            AudioTooShortError, LowQualityAudioError: the voice cannot be cloned; says why and what helps.
            ProcessingError, ModelLoadError, StorageError: a stage failed.
        """
        for given in filter(None, (song, voice)):  # before minutes are spent on the other one
            self._folder.refuse_results(given)
            probe(given, song_limits(self._settings))
        watch = _Watch(show, given={name for name, file in (("reading", voice), ("singing", song)) if file})
        if voice is None:
            with watch.part("reading") as progress:
                voice = self._made(MY_VOICE, self._material.voice_recipe, self._material.voice, progress)
        if song is None:
            with watch.part("singing") as progress:
                song = self._made(SONG, self._material.song_recipe, self._material.song, progress)
        with watch.part("voice cloning") as progress:
            profile = self._profile(voice, progress)
        with watch.part("converting", timed=False) as progress:
            conversion = self._pipeline.convert_song(
                song,
                profile.profile_id,
                pitch_shift="auto",
                progress_callback=lambda percent, stage: progress(percent / 100, stage.replace("_", " ")),
                return_stems=True,
                use_cache=self._use_cache,
            )
            watch.seconds |= {name.replace("_", " "): taken for name, taken in conversion.stage_seconds.items()}
        with watch.part("speaking"):
            spoken = self._spoken(profile)
        with watch.part("writing"):
            results = Results(
                song=song,
                original=decode(song, song_limits(self._settings)),
                voice=voice,
                profile=profile,
                conversion=conversion,
                spoken=spoken,
                seconds=dict(watch.seconds),
            )
            files = write_results(self._folder, results)
        return Outcome(
            voice=voice,
            song=song,
            files=files,
            profile=profile,
            conversion=conversion,
            seconds=watch.seconds,
            warnings=[*profile.quality_metrics.warnings, *conversion.warnings],
        )

    def _made(self, name: str, recipe: str, make: Callable[[Progress], Audio], progress: Progress) -> Path:
        """A file of the material; kept as encoded, so that all that follows is found in caches by the same bytes."""
        key, cache = stage_key("demo", name, recipe), open_cache(self._settings, "conversions")
        entry = cache.get(key) if self._use_cache else None
        path = self._folder / name
        if entry is None:
            content = encode(make(progress), path.suffix.lstrip("."))
            cache.put(key, {"file": np.frombuffer(content, np.uint8)})
        else:
            content = entry["file"].tobytes()
        with atomic_write(path) as file:
            file.write(content)
        return path

    def _profile(self, voice: Path, progress: Progress) -> VoiceProfile:
        """The former profile where it was made from the same recording, else a new one in its place."""
        mark = f"recording {stage_key(content_hash(voice))}"
        former = self._profiles.list(USER_ID)
        for profile in former:
            if profile.description == mark and self._use_cache:
                return profile
        made = self._cloner.create_voice_profile(voice, USER_ID, "Demo voice", mark, progress=progress)
        for profile in former:
            self._profiles.delete(profile.profile_id)
        return made

    def _spoken(self, profile: VoiceProfile) -> Audio:
        key = stage_key("demo", SENTENCE, profile.profile_id, self._settings.tts.engine)
        return self._cache.converted(key, lambda: self._speaker.synthesize(SENTENCE, profile.profile_id))

    @cached_property
    def _speaker(self) -> Speaker:
        """Made when it is needed: reading texts takes dictionaries, and a kept sentence takes none."""
        if self._given_speaker:
            return self._given_speaker
        from auto_voice.inference.engine import TTSEngine

        return TTSEngine(self._settings, runtime=self._runtime, converter=self._pipeline)


class _Watch:
    """Turns the parts' own progress into that of the whole, and measures them.

    Args:
        show: told of it.
        given: parts that the user's files leave out.
    """

    def __init__(self, show: ShowProgress, given: Set[str]) -> None:
        self._show = show
        self._whole = sum(weight for name, weight in _WEIGHTS.items() if name not in given)
        self._done = 0
        self.seconds: dict[str, float] = {}

    @contextmanager
    def part(self, name: str, *, timed: bool = True) -> Iterator[PartProgress]:
        """One of _WEIGHTS, in order."""
        begun = time.perf_counter()

        def progress(fraction: float, label: str = name) -> None:
            self._show((self._done + _WEIGHTS[name] * fraction) / self._whole, label)

        progress(0.0)
        yield progress
        self._done += _WEIGHTS[name]
        if timed:
            self.seconds[name] = time.perf_counter() - begun
