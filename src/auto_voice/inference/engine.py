"""Text to speech: any text in, speech out, in a stock voice or a cloned one."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from auto_voice import plugins
from auto_voice.audio import Audio
from auto_voice.config import Settings, load_settings
from auto_voice.errors import InvalidParametersError, PitchExtractionFailedError, ProfileNotFoundError
from auto_voice.inference.speech.shaping import joined, shaped
from auto_voice.inference.speech.text.cleaning import clean
from auto_voice.inference.speech.text.sentences import Piece, pieces
from auto_voice.inference.speech.voices import VOICES, Voice, source_voice, voice_named
from auto_voice.inference.synthesis import Synthesizer
from auto_voice.models.runtime import ModelRuntime
from auto_voice.progress import ProgressCallback

if TYPE_CHECKING:
    from auto_voice.inference.pipeline.result import ConversionResult
    from auto_voice.profiles import VoiceProfile

SPEEDS = (0.25, 4.0)
PITCHES = (-12.0, 12.0)
LONGEST_TEXT = 1_000_000
"""Characters a stream may have (about 18 hours of speech); memory does not depend on it."""
LONGEST_WHOLE = 100_000
"""Characters that `synthesize` returns in one piece (about 2 hours, 600 MB of samples)."""

_logger = logging.getLogger(__name__)


class VoiceConverter(Protocol):
    """The part of the singing conversion pipeline that speech in a cloned voice needs."""

    def convert_vocals(
        self,
        vocals: Audio,
        target_profile_id: str,
        *,
        progress_callback: ProgressCallback,
        use_cache: bool,
        with_scores: bool,
    ) -> ConversionResult:
        """Convert dry vocals; the result's `mixed_audio` has the rate, channels and length of `vocals`.

        Raises:
            PitchExtractionFailedError: there is nothing voiced in them.
        """


class TTSEngine:
    """Speaks texts. Thread-safe; models are shared through the runtime.

    Args:
        settings: the configured ones when not given; `tts` names the engine and the defaults of voice and
            speed.
        device: overrides `gpu.device` where no runtime is given.
        runtime: where models live; one of its own when not given.
        synthesizer: serves instead of the configured one.
        converter: makes cloned voices; the singing conversion pipeline when not given.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        device: str | None = None,
        runtime: ModelRuntime | None = None,
        *,
        synthesizer: Synthesizer | None = None,
        converter: VoiceConverter | None = None,
    ) -> None:
        self._settings = settings or load_settings()
        self._runtime = runtime or ModelRuntime(self._settings, device)
        self._synthesizer: Synthesizer = synthesizer or plugins.create(
            "tts", self._settings.tts.engine, self._settings, self._runtime
        )
        self._converter = converter

    @property
    def sample_rate(self) -> int:
        """Hz, of everything the engine speaks."""
        return self._synthesizer.sample_rate

    def voices(self) -> list[Voice]:
        """The stock voices."""
        return self._synthesizer.voices()

    def synthesize(
        self,
        text: str,
        voice: str | None = None,
        speed: float | None = None,
        pitch: float = 0.0,
        *,
        on_warning: Callable[[str], None] = _logger.warning,
    ) -> Audio:
        """Speak the whole text; see `stream`. At most 100,000 characters.

        Returns: mono, without silence at its ends.
        """
        check_length(text, LONGEST_WHOLE, "stream it, or speak it in parts")
        return joined(list(self.stream(text, voice, speed, pitch, on_warning=on_warning)))

    def stream(
        self,
        text: str,
        voice: str | None = None,
        speed: float | None = None,
        pitch: float = 0.0,
        *,
        on_warning: Callable[[str], None] = _logger.warning,
        checkpoint: Callable[[], None] = lambda: None,
    ) -> Iterator[Audio]:
        """Speak sentence by sentence; each is yielded as soon as it is spoken, with the pause that follows
        it.

        Parameters are checked before this returns, not when the first sentence is asked for.

        Args:
            text: English, plain or in light Markdown; at most 1,000,000 characters.
            voice: a stock voice ("af_heart"), several mixed ("af_heart+am_adam"), or a voice profile's id
                or name.
            speed: 0.25 to 4; 1 is the voice's own.
            pitch: semitones, -12 to 12.
            on_warning: told once of everything that was left out or could not be spoken as it should be.
            checkpoint: called before each sentence and often while one is converted; what it raises ends the
                speech.

        Raises:
            InvalidParametersError: nothing in the text can be read, or a parameter is out of range.
            ProfileNotFoundError: no voice and no profile of that name; names the nearest.
        """
        voice = self._settings.tts.voice if voice is None else voice
        voice = "+".join(name.strip() for name in voice.split("+"))
        speed = _within(self._settings.tts.speed if speed is None else speed, SPEEDS, "speed")
        pitch = _within(pitch, PITCHES, "pitch")
        check_length(text, LONGEST_TEXT, "speak it in parts")
        profile = self._profile(voice)
        stock = "+".join(name.strip() for name in voice.split("+"))
        if profile is not None:
            stock, shift = source_voice(profile.vocal_range.median_pitch_hz)
            pitch = min(max(pitch + shift, PITCHES[0]), PITCHES[1])
        found = pieces(text, british=VOICES[stock.split("+")[0]].british)
        first = next(found, None)
        if first is None:
            raise InvalidParametersError(_why_silent(text), suggestions=["give a text with English words"])
        warn = cache(on_warning)  # the same warning once
        reader = self._reader(profile)
        spoken = self._speak(reader or self._synthesizer, chain([first], found), stock, speed, pitch, warn, checkpoint)
        return spoken if profile is None or reader else self._converted(spoken, profile.profile_id, warn, checkpoint)

    def _reader(self, profile: VoiceProfile | None) -> Synthesizer | None:
        """A synthesizer that reads in the profile's own voice, if the engines allow; else its speech is converted."""
        if profile is None or self._converter is not None:
            return None
        from auto_voice.inference.speech.cloned_voice import reader_in_voice
        from auto_voice.profiles import ProfileStore

        store = ProfileStore(self._settings)
        return reader_in_voice(self._synthesizer, profile.profile_id, store, self._settings, self._runtime)

    def _speak(
        self,
        reader: Synthesizer,
        found: Iterator[Piece],
        voice: str,
        speed: float,
        pitch: float,
        warn: Callable[[str], None],
        checkpoint: Callable[[], None],
    ) -> Iterator[Audio]:
        piece = next(found, None)
        while piece is not None:
            checkpoint()
            for warning in piece.warnings:
                warn(warning)
            following = next(found, None)
            pause = piece.pause / speed if following else 0.0
            yield shaped(reader.synthesize_sentence(piece.text, voice, speed, pitch), pause)
            piece = following

    def _converted(
        self,
        spoken: Iterator[Audio],
        profile_id: str,
        warn: Callable[[str], None],
        checkpoint: Callable[[], None],
    ) -> Iterator[Audio]:
        converter = self._converter or self._pipeline()
        for audio in spoken:
            if not audio.samples.any():
                yield audio  # a pause sounds alike in every voice
                continue
            try:
                result = converter.convert_vocals(
                    audio,
                    profile_id,
                    progress_callback=lambda progress, stage: checkpoint(),  # noqa: ARG005 - the callback's signature
                    use_cache=False,
                    with_scores=False,
                )
            except PitchExtractionFailedError:
                # A hiss ("Psst!") tells little of who makes it: better heard as it is than missed, and no
                # reason to lose the sentences after it.
                warn("a sentence without a voiced sound was not converted")
                yield audio
            else:
                yield result.mixed_audio

    def _pipeline(self) -> VoiceConverter:
        from auto_voice.inference.singing_conversion_pipeline import SingingConversionPipeline

        return SingingConversionPipeline(self._settings, runtime=self._runtime)

    def _profile(self, voice: str) -> VoiceProfile | None:
        """The profile meant by `voice`; None for stock voices."""
        if all(name in VOICES for name in voice.split("+")):
            return None
        from auto_voice.profiles import ProfileStore

        try:
            return ProfileStore(self._settings).find(voice)
        except ProfileNotFoundError as error:
            try:
                for name in voice.split("+"):
                    voice_named(name)
            except ProfileNotFoundError as unknown:
                unknown.suggestions[:0] = [each for each in error.suggestions if each.startswith("Did you mean")]
                raise unknown from None
            raise


def check_length(text: str, longest: int, remedy: str) -> None:
    """Raise InvalidParametersError for a text of more than `longest` characters."""
    if len(text) > longest:
        raise InvalidParametersError(
            f"the text has {len(text):,} characters; at most {longest:,} are taken", suggestions=[remedy]
        )


def _within(value: float, bounds: tuple[float, float], name: str) -> float:
    low, high = bounds
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidParametersError(f"{name} should be a number, not {value!r}")
    if not low <= value <= high:
        raise InvalidParametersError(f"{name} {value:g} is out of range; it goes from {low:g} to {high:g}")
    return float(value)


def _why_silent(text: str) -> str:
    """Why nothing in a text can be read."""
    if not text.strip():
        return "the text is empty"
    scripts = clean(text[:2000]).unread
    if scripts:
        return f"the text is written in a script that cannot be read ({', '.join(scripts)}); English text can"
    return "nothing in the text can be read aloud: it has no letters or numbers"
