"""The engine around a synthesizer: order, pauses, levels, limits, voices."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from auto_voice.audio import Audio
from auto_voice.config import Settings
from auto_voice.errors import CancelledError, InvalidParametersError, PitchExtractionFailedError, ProfileNotFoundError
from auto_voice.inference.engine import LONGEST_TEXT, LONGEST_WHOLE, TTSEngine
from auto_voice.inference.speech.shaping import LEVEL_DB, shaped
from auto_voice.inference.speech.voices import VOICES, Voice

RATE = 24000


class Buzzer:
    """A synthesizer that hums 50 ms a letter between half seconds of silence, and remembers what it was asked."""

    name = "buzzer"
    sample_rate = RATE

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, float, float]] = []

    def voices(self) -> list[Voice]:
        return list(VOICES.values())

    def synthesize_sentence(self, text: str, voice: str, speed: float = 1.0, pitch: float = 0.0) -> Audio:
        self.asked.append((text, voice, speed, pitch))
        silence = np.zeros(RATE // 2, np.float32)
        hum = 0.02 * np.sin(np.arange(len(text) * RATE // 20) * 0.05)
        return Audio(np.concatenate([silence, hum, silence]).astype(np.float32)[None], RATE)


@pytest.fixture
def buzzer() -> Buzzer:
    return Buzzer()


@pytest.fixture
def engine(settings: Settings, runtime: Any, buzzer: Buzzer) -> TTSEngine:
    return TTSEngine(settings, runtime=runtime, synthesizer=buzzer)


TEXT = "The first sentence is here. The second one costs $5, they say."


def test_sentences_come_in_order_written_out(engine: TTSEngine, buzzer: Buzzer) -> None:
    engine.synthesize(TEXT, "bm_lewis", speed=1.5, pitch=-3)

    assert buzzer.asked == [
        ("The first sentence is here.", "bm_lewis", 1.5, -3.0),
        ("The second one costs five dollars, they say.", "bm_lewis", 1.5, -3.0),
    ]


def test_the_first_sentence_is_there_before_the_second_is_made(engine: TTSEngine, buzzer: Buzzer) -> None:
    stream = engine.stream(TEXT)
    assert buzzer.asked == []
    next(stream)
    assert len(buzzer.asked) == 1


def test_silence_is_trimmed_and_pauses_are_ours(engine: TTSEngine) -> None:
    first, last = engine.stream(TEXT)
    hum = len("The first sentence is here.") / 20

    assert first.duration == pytest.approx(hum + 0.06 + 0.42, abs=0.05)
    assert abs(last.mono()[-1]) < 1e-4
    assert last.duration == pytest.approx(len("The second one costs five dollars, they say.") / 20 + 0.06, abs=0.05)


def test_the_whole_is_its_parts(engine: TTSEngine) -> None:
    parts = [part.mono() for part in engine.stream(TEXT)]
    np.testing.assert_array_equal(engine.synthesize(TEXT).mono(), np.concatenate(parts))


def test_loud_and_soft_sentences_get_one_level_without_clicks() -> None:
    for gain in (0.06, 0.2, 0.6):
        speech = Audio((gain * np.sin(np.arange(RATE) * 0.05)).astype(np.float32)[None], RATE)
        sound = shaped(speech, pause=0.1).mono()
        level = 20 * np.log10(np.sqrt(np.mean(np.square(sound[1000:-4000]))))
        assert level == pytest.approx(LEVEL_DB, abs=0.6)
        assert np.abs(np.diff(sound)).max() < 0.06


def test_a_silent_sentence_is_a_pause() -> None:
    assert shaped(Audio(np.zeros((1, 4800), np.float32), RATE), 0.5).frames == RATE // 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("😀🎉", "no letters or numbers"),
        ("—…!", "no letters or numbers"),
        ("你好，世界", r"script that cannot be read \(Chinese\)"),
        ("Привет, мир", "Cyrillic"),
        ("مرحبا", "Arabic"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused_at_once(engine: TTSEngine, text: str, reason: str) -> None:
    with pytest.raises(InvalidParametersError, match=reason):
        engine.stream(text)


def test_mixed_text_is_read_as_far_as_it_can_be_and_says_so_once(engine: TTSEngine, buzzer: Buzzer) -> None:
    told: list[str] = []
    engine.synthesize("Say 你好 to everyone here.\n\nAnd 谢谢 to the others, please.", on_warning=told.append)

    assert [asked[0] for asked in buzzer.asked] == ["Say to everyone here.", "And to the others, please."]
    assert told == ["Chinese letters were left out"]


@pytest.mark.parametrize(
    "wrong", [{"speed": 0.2}, {"speed": 5}, {"speed": float("nan")}, {"speed": "fast"}, {"pitch": 13}]
)
def test_parameters_out_of_range_are_refused_at_once(engine: TTSEngine, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidParametersError, match=next(iter(wrong))):
        engine.stream("hello", **wrong)


def test_limits_of_length(engine: TTSEngine) -> None:
    with pytest.raises(InvalidParametersError, match="at most 100,000"):
        engine.synthesize("a " * LONGEST_WHOLE)
    with pytest.raises(InvalidParametersError, match="at most 1,000,000"):
        engine.stream("a " * LONGEST_TEXT)


def test_a_hundred_thousand_characters_start_at_once(engine: TTSEngine, buzzer: Buzzer) -> None:
    text = "It was the best of times, and it was the worst of times, as people always say. " * 1250
    first = next(engine.stream(text))
    assert first.duration < 3
    assert len(buzzer.asked) == 1


def test_voices_can_be_mixed(engine: TTSEngine, buzzer: Buzzer) -> None:
    engine.synthesize("hello", "af_heart + bm_lewis")
    assert buzzer.asked[0][1] == "af_heart+bm_lewis"


def test_unknown_voices_are_refused_at_once(engine: TTSEngine) -> None:
    with pytest.raises(ProfileNotFoundError, match="did you mean af_heart"):
        engine.stream("hello", "af_hart")
    with pytest.raises(ProfileNotFoundError):
        engine.stream("hello", "../../etc/passwd")


class Doubler:
    """A converter that returns twice what it gets, and remembers for whom."""

    def __init__(self) -> None:
        self.targets: list[str] = []

    def convert_vocals(self, vocals: Audio, target_profile_id: str, **options: Any) -> Any:
        self.targets.append(target_profile_id)
        return SimpleNamespace(mixed_audio=Audio(vocals.samples * 2, vocals.sample_rate))


@pytest.fixture
def _anna(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever profile is asked for is this one."""
    profile = SimpleNamespace(profile_id="the-id", vocal_range=SimpleNamespace(median_pitch_hz=206.0))
    monkeypatch.setattr("auto_voice.profiles.ProfileStore.find", lambda self, text: profile)


@pytest.mark.usefixtures("_anna")
def test_a_cloned_voice_is_spoken_by_a_stock_voice_of_its_register_and_converted(
    settings: Settings, runtime: Any, buzzer: Buzzer
) -> None:
    doubler = Doubler()
    engine = TTSEngine(settings, runtime=runtime, synthesizer=buzzer, converter=doubler)
    plain = engine.synthesize(TEXT, "af_heart")
    cloned = engine.synthesize(TEXT, "Anna")

    assert doubler.targets == ["the-id", "the-id"]
    assert buzzer.asked[-1][1] == "af_heart"
    assert buzzer.asked[-1][3] == pytest.approx(2.24, abs=0.05)
    np.testing.assert_allclose(cloned.samples, plain.samples * 2)


class Fussy(Doubler):
    """Finds nothing voiced in the second sentence it gets; calls back half way through each."""

    def convert_vocals(self, vocals: Audio, target_profile_id: str, **options: Any) -> Any:
        options["progress_callback"](50.0, "voice_conversion")
        result = super().convert_vocals(vocals, target_profile_id)
        if len(self.targets) == 2:
            raise PitchExtractionFailedError
        return result


THREE = "The first sentence is here. Psst, psst, psst, psst, psst, psst! The third is here as well."


@pytest.mark.usefixtures("_anna")
def test_a_sentence_without_a_voiced_sound_is_heard_unconverted_and_the_next_ones_are_converted(
    settings: Settings, runtime: Any, buzzer: Buzzer
) -> None:
    told: list[str] = []
    engine = TTSEngine(settings, runtime=runtime, synthesizer=buzzer, converter=Fussy())
    plain = list(engine.stream(THREE, "af_heart"))
    cloned = list(engine.stream(THREE, "Anna", on_warning=told.append))

    for spoken, heard, gain in zip(plain, cloned, (2, 1, 2), strict=True):
        np.testing.assert_allclose(heard.samples, spoken.samples * gain)
    assert told == ["a sentence without a voiced sound was not converted"]


@pytest.mark.usefixtures("_anna")
def test_silence_is_not_converted(settings: Settings, runtime: Any, buzzer: Buzzer) -> None:
    buzzer.synthesize_sentence = lambda *given: Audio(np.zeros((1, RATE), np.float32), RATE)  # type: ignore[assignment]
    doubler = Doubler()
    parts = list(TTSEngine(settings, runtime=runtime, synthesizer=buzzer, converter=doubler).stream(THREE, "Anna"))

    assert doubler.targets == []
    assert [part.samples.any() for part in parts] == [False] * 3


def test_speech_ends_at_the_next_sentence_when_the_checkpoint_says_so(engine: TTSEngine, buzzer: Buzzer) -> None:
    def stop_after_one() -> None:
        if buzzer.asked:
            raise CancelledError

    stream = engine.stream(TEXT, checkpoint=stop_after_one)
    next(stream)
    with pytest.raises(CancelledError):
        next(stream)
    assert len(buzzer.asked) == 1


@pytest.mark.usefixtures("_anna")
def test_speech_in_a_cloned_voice_ends_within_a_sentence(settings: Settings, runtime: Any, buzzer: Buzzer) -> None:
    def stop_after_one() -> None:
        if buzzer.asked:
            raise CancelledError

    fussy = Fussy()
    engine = TTSEngine(settings, runtime=runtime, synthesizer=buzzer, converter=fussy)
    with pytest.raises(CancelledError):
        next(engine.stream(TEXT, "Anna", checkpoint=stop_after_one))
    assert fussy.targets == []
