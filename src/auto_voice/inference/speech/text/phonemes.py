"""Words to the phonemes that Kokoro reads, in American or British English.

In order: the special words of connected speech ("a", "the", "to"), the dictionary, the dictionary with an
ending taken off ("reader's", "unplugged"), initials letter by letter, two words written as one, and the
letter-to-sound model.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache, lru_cache

from auto_voice.inference.speech.text import letter_to_sound
from auto_voice.inference.speech.text.heteronyms import part_of_speech
from auto_voice.inference.speech.text.letter_to_sound import VOWELS
from auto_voice.inference.speech.text.lexicon import Reading, load
from auto_voice.inference.speech.text.tables import table, words

PUNCTUATION = frozenset(".,;:!?…—()")
_TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*'?|[.,;:!?…—()]")
_INITIALS_WITH_ENDING = re.compile(r"([A-Z]{2,})'?s")
_FOR_KOKORO = str.maketrans({"ɾ": "T", "ʔ": "t"})  # the symbols of version 1.0 of the model
_PAIRS_OF_LETTERS = words("initials")


def phonemes(text: str, accent: str = "us") -> str:
    """Phonemes of a normalised text (see `normalise`), words separated by blanks, punctuation kept.

    Args:
        text: words and punctuation.
        accent: "us" or "gb".
    """
    tokens = _TOKEN.findall(text)
    shouted = _is_shouted([token for token in tokens if token not in PUNCTUATION])
    tokens = [token.lower() if shouted and token != "I" else token for token in tokens]
    plain = [token.lower() for token in tokens if token not in PUNCTUATION]
    spoken: list[str] = []
    index, following = len(plain), ""
    for token in reversed(tokens):  # the sound that follows decides how "the" and "to" are said
        if token in PUNCTUATION:
            sound = token
        else:
            index -= 1
            sound = _in_context(token, plain, index, following, accent)
        spoken.append(sound)
        following = sound
    return _join(list(reversed(spoken))).translate(_FOR_KOKORO)


def _join(sounds: Sequence[str]) -> str:
    text = " ".join(sound for sound in sounds if sound)
    text = re.sub(r" (?=[.,;:!?…)])", "", text)
    return re.sub(r"(?<=\() ", "", text)


def _is_shouted(sentence: Sequence[str]) -> bool:
    """Whether a sentence is all capitals for emphasis rather than made of initials."""
    return sum(map(len, sentence)) > 8 and len(sentence) > 1 and all(word.isupper() for word in sentence)


def _in_context(token: str, sentence: Sequence[str], index: int, following: str, accent: str) -> str:
    word = sentence[index]
    vowel_follows = next((sound in VOWELS for sound in following if sound not in "ˈˌ"), None)
    last = not following or following in PUNCTUATION
    if word == "a":
        return "ˈA" if token == "A" and (last or index > 0) else "ɐ"
    if word == "an":
        return "ɐn"
    if word == "the":
        return "ði" if vowel_follows else "ðə"
    if word == "to" and not last:
        return "tʊ" if vowel_follows else "tə"
    if token == "I":
        return "ˌI"
    return _word(token, part_of_speech(sentence, index), last, accent)


@lru_cache(maxsize=50_000)
def _word(token: str, tag: str | None, last: bool, accent: str) -> str:
    """Phonemes of one word as written."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", token) if not unicodedata.combining(c))
    lexicon = load(accent)
    own = table(f"modern_{accent}").get(plain.lower())
    if own:
        return own
    initials = _INITIALS_WITH_ENDING.fullmatch(plain)
    if initials:
        return _attach(_word(initials[1], None, False, accent), "S", accent)
    if plain.isupper() and (len(plain) == 1 or plain in _PAIRS_OF_LETTERS or not _read_as_word(plain, lexicon)):
        return _spell(plain, accent)
    for form in dict.fromkeys((token, plain, plain.lower(), plain.capitalize())):
        if form in lexicon:
            reading = _choose(lexicon[form], tag, last)
            if reading:
                return reading
    return _with_ending(plain.lower(), tag, accent) or _unknown(plain, accent)


def _read_as_word(initials: str, lexicon: dict[str, Reading]) -> bool:
    """Whether capitals are a word (NASA, WARNING) rather than initials to be spelled (FBI, HTTP)."""
    own = lexicon.get(initials)
    if isinstance(own, str):
        return True
    if len(initials) <= 3:
        return False
    return initials.lower() in lexicon or re.search("[AEIOUY]", initials) is not None


def _spell(letters: str, accent: str) -> str:
    """Initials letter by letter, the stress on the last: FBI."""
    lexicon = load(accent)
    sounds = [str(lexicon[letter]) for letter in letters.upper() if letter in lexicon]
    return "".join([*(sound.replace("ˈ", "ˌ") for sound in sounds[:-1]), *sounds[-1:]])


def _choose(reading: Reading, tag: str | None, last: bool) -> str | None:
    if isinstance(reading, str):
        return reading
    if last and "None" in reading:
        return reading["None"]
    general = "VERB" if tag in ("VBD", "VBN", "VBP") else None
    for key in (tag, general):
        if key is not None and key in reading:
            return reading[key]
    return reading["DEFAULT"]


@cache
def _endings(accent: str) -> tuple[tuple[str, tuple[str, ...], str], ...]:
    """Endings, what the rest may have ended with before, and how the ending sounds ("" where it depends)."""
    i = "ɪ" if accent == "gb" else "ᵻ"
    er = "ə" if accent == "gb" else "əɹ"
    return (
        ("'s", ("",), "S"), ("s'", ("", "s"), "S"), ("'", ("", "g"), ""), ("'d", ("",), "d"),
        ("'ll", ("",), "əl"), ("'ve", ("",), "əv"), ("'re", ("",), er),
        ("ies", ("y",), "z"), ("es", ("", "e"), "S"), ("s", ("",), "S"), ("ied", ("y",), "d"),
        ("ed", ("", "e"), "D"), ("ing", ("", "e"), "ɪŋ"), ("ers", ("", "e"), er + "z"), ("er", ("", "e"), er),
        ("est", ("", "e"), f"{i}st"),
        ("ly", ("", "le"), "li"), ("ness", ("",), "nəs"), ("less", ("",), "ləs"), ("ment", ("",), "mənt"),
        ("able", ("", "e"), "əbᵊl"), ("ful", ("",), "fᵊl"), ("ish", ("", "e"), "ɪʃ"),
    )  # fmt: skip


def _with_ending(word: str, tag: str | None, accent: str) -> str | None:
    """A known word with an ending, or with a prefix."""
    for ending, stems, sound in _endings(accent):
        if word.endswith(ending) and len(word) - len(ending) >= 2:
            rest = word[: -len(ending)]
            doubled = (rest[:-1],) if len(rest) > 3 and rest[-1] == rest[-2] and sound and ending[0] in "ei" else ()
            for stem in (*(rest + stem for stem in stems), *doubled):
                base = _known(stem, tag, accent)
                if base:
                    return _attach(base, sound, accent)
    for prefix, sound in table(f"prefixes_{accent}").items():
        if word.startswith(prefix) and len(word) - len(prefix) >= 4:
            base = _known(word[len(prefix) :], tag, accent)
            if base:
                return sound + base
    return None


def _known(word: str, tag: str | None, accent: str) -> str | None:
    lexicon = load(accent)
    reading = lexicon.get(word) or lexicon.get(word.capitalize())
    return _choose(reading, tag, False) if reading else None


def _attach(base: str, sound: str, accent: str) -> str:
    """Add an ending; -s and -ed sound by what they follow (cats, dogs, horses; walked, wanted)."""
    link = "ɪ" if accent == "gb" else "ᵻ"
    if sound == "S":
        sound = f"{link}z" if base[-1] in "szʃʒʧʤ" else "s" if base[-1] in "ptkfθ" else "z"
    elif sound == "D":
        sound = f"{link}d" if base[-1] in "td" else "t" if base[-1] in "pkfθʃsʧ" else "d"
    if accent == "us" and base[-1] == "t" and len(base) > 1 and base[-2] in VOWELS | {"ɹ"} and sound[0] in VOWELS:
        base = base[:-1] + "ɾ"
    return base + sound


def _unknown(word: str, accent: str) -> str:
    """Two known words written as one (songwriter), camel case (AutoVoice), or letter by letter sounds."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z']+", word)
    if len(parts) > 1 and all(len(part) > 1 for part in parts):
        return " ".join(_word(part, None, False, accent) for part in parts)
    lower = re.sub("[^a-z]", "", word.lower())
    for cut in range(len(lower) - 3, 2, -1):
        head, tail = _known(lower[:cut], None, accent), _known(lower[cut:], None, accent)
        if head and tail and min(cut, len(lower) - cut) >= 4:
            return head + tail.replace("ˈ", "ˌ")
    if lower and not re.search("[aeiouy]", lower):
        return _spell(lower, accent)
    return letter_to_sound.load(accent)(lower)
