"""What is written, and what a reader says."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from auto_voice.inference.speech.text.normalise import normalise
from auto_voice.inference.speech.text.numbers import cardinal, decade, fraction, ordinal, roman, year

READINGS = {
    # numbers
    "1,234,567.8 cells": "one million two hundred thirty-four thousand five hundred sixty-seven point eight cells",
    "agent 007": "agent zero zero seven",
    "-40 degrees": "minus forty degrees",
    "1/2 of it, 3 3/4 cups and ½ a litre": "one half of it, three and three quarters cups and one half a litre",
    "1st, 22nd and 101st": "first, twenty-second and one hundred first",
    "20-30 people": "twenty to thirty people",
    "1.5e-3 and 10^6": "one point five times ten to the power of minus three and ten to the power of six",
    "version 3.10.1": "version three point ten point one",
    "10x faster": "ten times faster",
    "24/7": "twenty-four seven",
    # years and dates
    "1999, 2005, 1905 and 2026": "nineteen ninety-nine, two thousand five, nineteen oh five and twenty twenty-six",
    "the 1990s and the '80s": "the nineteen nineties and the eighties",
    "on Nov 23, 2026": "on November twenty-third, twenty twenty-six",
    "on 2026-11-23": "on November twenty-third, twenty twenty-six",
    "23 November 2026": "the twenty-third of November, twenty twenty-six",
    "11/23/2026": "November twenty-third, twenty twenty-six",
    "Mon, Jan 5th": "Monday, January fifth",
    # times
    "at 3:45 pm": "at three forty-five PM",
    "at 3 p.m. sharp": "at three PM sharp",
    "at 15:30": "at fifteen thirty",
    "10:00-11:05": "ten o'clock to eleven oh five",
    "1:02:30": "one hour, two minutes, thirty seconds",
    # money
    "$1,234.56": "one thousand two hundred thirty-four dollars and fifty-six cents",
    "£0.99": "ninety-nine pence",
    "€10": "ten euros",
    "-$5": "minus five dollars",
    "$2.5 million": "two point five million dollars",
    "£3bn": "three billion pounds",
    "$20-30": "twenty to thirty dollars",
    "$5/month": "five dollars per month",
    # units
    "120 km/h": "one hundred twenty kilometers per hour",
    "1 kg and 2.5 kg": "one kilogram and two point five kilograms",
    "25°C": "twenty-five degrees Celsius",
    "10-15%": "ten to fifteen percent",
    "16GB at 5 GHz": "sixteen gigabytes at five gigahertz",
    "3 m²": "three square meters",
    "5'10\" tall": "five foot ten tall",
    "150 million km": "one hundred fifty million kilometers",
    # names
    "Dr. Smith and Mrs. Lee": "Doctor Smith and Missus Lee",
    "Elm St. is near St. Paul's": "Elm Street is near Saint Paul's",
    "Henry VIII": "Henry the eighth",
    "Chapter IV": "Chapter four",
    "World War II": "World War two",
    "the U.S. economy": "the US economy",
    "e.g. apples, pears, etc.": "for example apples, pears, et cetera.",
    "A&B Corp. made it": "A and B Corporation made it",
    "No. 5, p. 12": "number five, page twelve",
    # the net
    "https://www.example.com/docs?id=3": "example dot com slash docs question mark id equals three".replace(
        " id ", " ID "
    ),
    "john.doe@example.co.uk": "john dot doe at example dot co dot UK",
    "#BlessedDay by @user": "hashtag Blessed Day by at user",
    "see report.pdf": "see report dot PDF",
    "call 555-123-4567": "call five five five, one two three, four five six seven",
    # symbols and markup
    "3 + 4 = 7": "three plus four equals seven",
    "**bold**, `code` and [a link](https://x.org)": "bold, code and a link",
    "I love it 😀!": "I love it!",
    "rock 'n' roll isn't \"dead\"": "rock n roll isn't dead",
}


@pytest.mark.parametrize(("written", "spoken"), READINGS.items(), ids=READINGS)
def test_written_text_is_said_as_a_reader_says_it(written: str, spoken: str) -> None:
    assert normalise(written).text == spoken


def test_the_british_put_the_day_first() -> None:
    assert normalise("3/4/2026").text == "March fourth, twenty twenty-six"
    assert normalise("3/4/2026", british=True).text == "April third, twenty twenty-six"


@pytest.mark.parametrize("nothing", ["", "  \n\t ", "😀👍🏽🇩🇪", "---", "...!?", "***", "你好，世界", "Привет"])
def test_what_cannot_be_read_leaves_nothing(nothing: str) -> None:
    assert normalise(nothing).text == ""


def test_letters_that_cannot_be_read_are_left_out_with_a_warning() -> None:
    spoken = normalise("hello мир world 你好")

    assert spoken.text == "hello world"
    assert spoken.warnings == ("Cyrillic letters were left out", "Chinese letters were left out")


def test_accents_are_kept_for_the_dictionary() -> None:
    assert normalise("a naïve café in Malmö").text == "a naïve café in Malmö"


def test_code_blocks_headings_and_tables_are_not_spelled_out() -> None:
    text = "# Title\n\n```python\nx = 1\n```\n\n| a | b |\n|---|---|\n| one | two |\n\n- item"

    assert normalise(text).text.splitlines() == ["Title", "a, b", "one, two", "item"]


def test_hostile_text_is_no_trouble() -> None:
    for text in ("a" * 5000, "9" * 5000, "(" * 5000, "1/" * 2000, "\x00\x1b[31m\ud7ff", "<" * 3000, "." * 5000,
                 "a-" * 3000, "a." * 3000, " " * 5000, "\n" * 5000, "[" * 3000):  # fmt: skip
        begin = time.process_time()
        assert isinstance(normalise(text).text, str)
        assert time.process_time() - begin < 3


@pytest.mark.parametrize("opening", ["[a](", "<!--", "**a ", "__a "])
def test_openings_without_their_ends_take_no_square_of_time(opening: str) -> None:
    """What they open has a limit: without one, each of them is followed to the end of the text."""
    begin = time.process_time()
    assert isinstance(normalise(opening * 25_000).text, str)
    assert time.process_time() - begin < 8


def test_spoken_forms_written_by_hand_agree_with_the_rules() -> None:
    """The sentences of the speech benchmark: the rules say what a person wrote down."""
    lines = (Path(__file__).parents[4] / "benchmarks" / "sentences.txt").read_text(encoding="utf-8").splitlines()
    british = {"favourite": "favorite", "colour": "color", "grey": "gray", "neighbour": "neighbor", "fbi": "f b i",
               "cia": "c i a", "usb": "u s b", "pm": "p m", "am": "a m"}  # fmt: skip
    for line in lines:
        if not line.startswith("#"):
            written, spoken = line.split(" | ")
            said = re.findall("[a-z']+", normalise(written).text.lower().replace("-", " "))
            assert " ".join(british.get(word.strip("'"), word.strip("'")) for word in said) == spoken


def test_numbers_in_words() -> None:
    assert cardinal("12,345") == "twelve thousand three hundred forty-five"
    assert cardinal("1" + "0" * 20).startswith("one zero zero")
    assert ordinal(21) == "twenty-first"
    assert year(1800) == "eighteen hundred"
    assert decade(1920) == "nineteen twenties"
    assert fraction(2, 3) == "two thirds"
    assert [roman(text) for text in ("XIV", "IX", "IIII", "MCMXC", "")] == [14, 9, None, 1990, None]
