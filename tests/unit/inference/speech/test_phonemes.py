"""Words to sounds."""

from __future__ import annotations

import re

import pytest

from auto_voice.inference.speech.text import letter_to_sound
from auto_voice.inference.speech.text.phonemes import phonemes
from auto_voice.inference.synthesis import vocabulary


def word_in(sentence: str, index: int, accent: str = "us") -> str:
    return phonemes(sentence, accent).split()[index].strip(".,!?")


def test_a_plain_sentence() -> None:
    assert phonemes("The quick brown fox jumps over the lazy dog.") == (
        "ðə kwˈɪk bɹˈWn fˈɑks ʤˈʌmps ˈOvəɹ ðə lˈAzi dˈɔɡ."
    )


def test_british_voices_get_british_sounds() -> None:
    assert phonemes("The car in the bath", "us") == "ðə kˈɑɹ ɪn ðə bˈæθ"
    assert phonemes("The car in the bath", "gb") == "ðə kˈɑː ɪn ðə bˈɑːθ"


@pytest.mark.parametrize(
    ("sentence", "first", "second"),
    [
        ("They record a record.", 1, 3),
        ("I read it yesterday.", 1, None),
        ("We live for live music.", 1, 3),
        ("Please close the close door.", 1, 3),
        ("He did not object to the object.", 3, 6),
        ("I refuse the refuse.", 1, 3),
        ("They produce fresh fruit and the produce sells.", 1, 6),
    ],
)
def test_words_written_alike_are_told_apart(sentence: str, first: int, second: int | None) -> None:
    if second is None:
        assert word_in(sentence, first) == "ɹˈɛd"
        assert word_in("I will read it.", 2) == "ɹˈid"
    else:
        assert word_in(sentence, first) != word_in(sentence, second)


def test_small_words_lean_on_what_follows() -> None:
    assert phonemes("the apple, the pear, to eat, to sit, a pear") == "ði ˈæpᵊl, ðə pˈɛɹ, tʊ ˈit, tə sˈɪt, ɐ pˈɛɹ"


def test_initials_are_spelled_and_acronyms_read() -> None:
    assert word_in("the FBI agent", 1) == "ˌɛfbˌiˈI"
    assert word_in("the NASA rocket", 1) == "nˈæsə"
    assert word_in("two URLs here", 1) == "jˌuˌɑɹˈɛlz"


def test_shouting_is_no_spelling() -> None:
    assert phonemes("DO NOT TOUCH") == phonemes("do not touch")


def test_endings_are_put_on_known_words() -> None:
    assert word_in("the wizard's songwriters", 1) == "wˈɪzəɹdz"
    for word in ("unplugged", "reinstalled", "googling", "songwriters"):
        assert re.search("[ˈ]", phonemes(word))


def test_every_sound_is_one_the_model_knows() -> None:
    text = (
        "Siobhan Nguyen's Kubernetes café in Reykjavík, Xochimilco; strč prst, rhythm & zzz, bcdfg! Æsop naïvely (sic)?"
    )
    for accent in ("us", "gb"):
        sounds = phonemes(text, accent)
        assert sounds
        assert set(sounds) <= set(vocabulary())


@pytest.mark.parametrize(("word", "sounds"), [("glorp", "ɡlˈɔɹp"), ("vexen", "vˈɛksən")])
def test_unknown_words_are_read_by_their_letters(word: str, sounds: str) -> None:
    assert letter_to_sound.load("us")(word) == sounds


def test_every_unknown_word_has_one_main_stress() -> None:
    for accent in ("us", "gb"):
        model = letter_to_sound.load(accent)
        for word in ("zorblatt", "quindrake", "mevilloria", "thrumpelshank"):
            assert model(word).count("ˈ") == 1


def test_units_keep_stress_and_length_with_their_sound() -> None:
    assert letter_to_sound.units("fˈɑːðə") == ["f", "ˈɑː", "ð", "ə"]
