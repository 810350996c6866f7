"""Words written alike and said differently: "to record a record", guessed from the words around them.

A tagger's job done with the closed classes of English alone. It returns the part-of-speech keys of the
pronunciation dictionary (NOUN, VERB, ADJ, VBD) or None where the usual reading should stand.
"""

from __future__ import annotations

from collections.abc import Sequence

from auto_voice.inference.speech.text.tables import words as listed

_BEFORE_VERB = listed("before_verb")
_ADVERBS = listed("adverbs")
_DETERMINERS = listed("before_noun")
_HAVE = listed("auxiliaries")
_PAST_HINTS = listed("past_hints")
_THIRD_PERSON = listed("third_person")
_SUBJECT_PLURAL = listed("plural_subjects")
_OBJECT_START = listed("object_starts")
_PAST_ALIKE = frozenset(("read", "reread"))


def part_of_speech(words: Sequence[str], index: int) -> str | None:
    """The guessed part of speech of `words[index]`, in a sentence of lower-case words."""
    word = words[index]
    before = next((each for each in reversed(words[:index]) if each not in _ADVERBS), "")
    after = words[index + 1] if index + 1 < len(words) else ""
    if word in _PAST_ALIKE:
        past = before in _HAVE or before in _THIRD_PERSON or bool(_PAST_HINTS.intersection(words))
        return "VBD" if past and before not in _BEFORE_VERB - _SUBJECT_PLURAL else None
    if word == "used":
        return "VBD" if after == "to" and before not in _HAVE - {"have", "has", "had"} else None
    if word in ("wound",):
        return "VBD" if before in _SUBJECT_PLURAL | _THIRD_PERSON or after in ("up", "down", "around") else None
    if before in _DETERMINERS:
        return _noun_or_adjective(word, after)
    if before in _BEFORE_VERB:
        return "VERB"
    if before in _THIRD_PERSON and word.endswith("s"):
        return "VERB"
    if before in ("is", "are", "was", "were", "be", "been", "seems", "very", "too", "so"):
        return "ADJ"
    if index == 0 or not before:
        return "VERB" if after in _OBJECT_START else None
    if after in _OBJECT_START and not word.endswith("ed"):
        return "VERB"
    return None


def _noun_or_adjective(word: str, after: str) -> str:
    """After a determiner stands a noun, or an adjective if a plain word follows ("a live show")."""
    follows_noun = after and after not in _OBJECT_START and after not in _DETERMINERS and after not in _HAVE
    return "ADJ" if follows_noun and word in ("live", "minute", "close", "perfect", "bass") else "NOUN"
