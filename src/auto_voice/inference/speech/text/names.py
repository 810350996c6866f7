"""What stands for something longer: abbreviations, addresses of the net, numerals in names, symbols."""

from __future__ import annotations

import re

from auto_voice.inference.speech.text.numbers import cardinal, ordinal, roman
from auto_voice.inference.speech.text.rules import Rule
from auto_voice.inference.speech.text.tables import either, table, words

_TITLES = table("titles")
_TITLES_OF_PEOPLE = {name: word for name, word in _TITLES.items() if name not in ("St", "Ft", "Mt")}
_AFTER_NAMES = table("after_names")
_ANYWHERE = table("anywhere")
_COUNTED = table("counted")
_NET_SYMBOLS = table("net_symbols")
_WORDS_OF_THE_NET = words("words_of_the_net")
_TOP_LEVEL = either(words("top_level_domains"))
_ROMAN = r"[IVXLC]+"
_NEW_SENTENCE = re.compile(
    r"\s*$|\s+(?:The|It|He|She|They|We|You|I|In|On|At|But|And|So|A|An|This|That|These|There|Then|When|If|What|My|Our)\b"
)
_FILE_ENDINGS = "pdf|txt|mp3|mp4|wav|flac|ogg|py|js|html|css|csv|json|xml|docx?|xlsx?|pptx?|jpe?g|png|gif|zip|exe|md"


def _abbreviations(meanings: dict[str, str], before: str, after: str) -> Rule:
    return Rule(rf"{before}({either(meanings)})\b{after}", lambda match: meanings[match[1]])


def _anywhere(match: re.Match[str]) -> str:
    return _ANYWHERE[match[0].lower()] + ("." if match[0] in ("etc.",) and _ends_here(match) else "")


def _ends_here(match: re.Match[str]) -> bool:
    """If an abbreviation's full stop also ends a sentence: nothing follows, or a word that opens one."""
    return _NEW_SENTENCE.match(match.string, match.end()) is not None


def _initials(match: re.Match[str]) -> str:
    return match[0].replace(".", "") + ("." if match[0].endswith(".") and _ends_here(match) else "")


def _address(match: re.Match[str]) -> str:
    text = re.sub(r"^(?:https?|ftp)://(?:www\.)?|^www\.|^mailto:", "", match[0], flags=re.IGNORECASE)
    closing = re.search(r"[.,;:!?)]*$", text)
    text, after = (text[: closing.start()], closing[0]) if closing else (text, "")
    said = [_net_word(part) for part in re.findall(r"[A-Za-z]+|\d+|[^\w\s]|_", text.rstrip("/"))]
    return " ".join(said) + after


def _net_word(part: str) -> str:
    if part.isalpha():
        spelled = len(part) == 2 or (len(part) == 3 and not re.search("[aeiouy]", part.lower()))
        return part.upper() if spelled and part.lower() not in _WORDS_OF_THE_NET else part
    return _NET_SYMBOLS.get(part, part if part.isdigit() else " ")


def _file_name(match: re.Match[str]) -> str:
    return f"{re.sub('[._-]', ' ', match[1])} dot {match[2].upper()}"


def _camel(text: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=\d)", " ", text.replace("_", " "))


def _ruler(match: re.Match[str]) -> str:
    number = roman(match[2])
    return f"{match[1]} the {ordinal(number)}" if number else match[0]


def _numeral(match: re.Match[str]) -> str:
    number = roman(match[2])
    return f"{match[1]} {cardinal(number)}" if number else match[0]


_NAME = r"(?=\s+[A-Z])"
_ANY = either(_ANYWHERE)

FIRST = [
    Rule(r"(?:mailto:)?\b[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,8}", _address),
    Rule(r"(?i)(?:https?://|ftp://|www\.)\S+", _address),
    Rule(rf"(?i)\b(?:[a-z0-9-]{{1,63}}\.){{1,8}}(?:{_TOP_LEVEL})\b(?:/[^\s,;)]*)?(?!\.?\w)", _address),
    Rule(rf"\b([\w-]{{1,80}})\.({_FILE_ENDINGS})\b", _file_name),
    Rule(r"(?<![\w&])#(?=\d)", "number "),
    Rule(r"(?<![\w&])#([A-Za-z]\w*)", lambda match: "hashtag " + _camel(match[1])),
    Rule(r"(?<!\w)@([A-Za-z]\w*)", lambda match: "at " + _camel(match[1])),
    Rule(rf"\b({either(_COUNTED)})\.\s?(?=\d)", lambda match: _COUNTED[match[1]] + " "),
    _abbreviations(_AFTER_NAMES, r"(?<=\w\s)", r"\.(?=\s+[a-z(\d]|\s*[,;:)])"),
    _abbreviations(_AFTER_NAMES, r"(?<=[a-z\d],\s)", r"\.(?=\s+[a-z(\d]|\s*[,;:)])"),
    _abbreviations({"St": "Street", "Dr": "Drive"}, r"(?<=[a-z]\s)", r"\.?(?=\s+(?:in|and|at|near|is)\b)"),
    _abbreviations(_TITLES, r"\b", rf"\.?{_NAME}"),
    _abbreviations(_AFTER_NAMES, r"(?<=[a-z\d]\s)", r"(?=\.\s|\.$)"),
    _abbreviations(_TITLES_OF_PEOPLE, r"\b", r"\."),
    Rule(rf"(?i)(?<![\w.])(?:{_ANY})(?![\w])", _anywhere),
    Rule(r"\b(?:[A-Z]\.){2,}(?![A-Za-z])|\b[A-Z]\.[A-Z]\b\.?", _initials),
    Rule(r"\bPh\.?D\.?\b", "PHD"),
    Rule(r"\b([A-Z])\.(?=\s?[A-Z])", r"\1"),  # J. Smith
    Rule(rf"\b({either(words('rulers'))}) ({_ROMAN})\b(?!')", _ruler),
    Rule(rf"(?i)\b({either(words('numbered'))}) ((?-i:{_ROMAN}))\b", _numeral),
    Rule(r"\b([A-Z][a-z]+) ((?=[IVX]{2})[IVX]+)\b", _numeral),
]  # fmt: skip
"""Before numbers are read."""

LAST = [
    Rule(r"\s&\s|&", " and "),
    Rule(r"(?<=[A-Za-z])\+\+", " plus plus"),
    Rule(r"\s*\+\s*", " plus "),
    Rule(r"\s*!=\s*|\s*≠\s*", " is not equal to "),
    Rule(r"\s*(?:==?|≡)\s*", " equals "),
    Rule(r"\s*(?:<=|≤)\s*", " is at most "),
    Rule(r"\s*(?:>=|≥)\s*", " is at least "),
    Rule(r"\s*(?:->|→|=>)\s*", " to "),
    Rule(r"\s+<\s+", " is less than "),
    Rule(r"\s+>\s+", " is greater than "),
    Rule(r"\s*×\s*", " times "),
    Rule(r"\s*÷\s*", " divided by "),
    Rule(r"\s*±\s*", " plus or minus "),
    Rule(r"\s*[≈~]\s*(?=\w)", " about "),
    Rule(r"\s*§+\s*", " section "),
    Rule(r"\s*%", " percent"),
    Rule(r"\s*°\s*", " degrees "),
    Rule(r"\s*@\s*", " at "),
    Rule(r"(?<=\w)\s*/\s*(?=\w)", " slash "),
    Rule(r"\$|US\$", " dollars "), Rule("£", " pounds "), Rule("€", " euros "),
    Rule(r"[_*|\\^~<>{}=#©®™`¿¡]+", " "),
]  # fmt: skip
"""After numbers are read."""
