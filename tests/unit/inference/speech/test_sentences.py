"""A text of any length in pieces that can be spoken one by one."""

from __future__ import annotations

import itertools
import time
import tracemalloc

from auto_voice.inference.speech.text.sentences import FIRST, HEADING_PAUSE, LONGEST, PARAGRAPH_PAUSE, pieces

LONG = (
    "Although the committee had met every week since the spring, and although each of its members had been given "
    "all the papers in good time, nobody could remember who had asked for the report, which was now longer than "
    "the building was tall, or why it had to be finished before the end of the month that had just begun."
)


def texts(text: str) -> list[str]:
    return [piece.text for piece in pieces(text)]


def test_abbreviations_end_no_sentence() -> None:
    found = texts(
        "It was a day in spring, not warm. Dr. Smith of St. Louis met Mr. Jones Jr. at 3 p.m. at the U.S. embassy."
    )

    assert [text.split()[0] for text in found] == ["It", "Doctor"]


def test_the_first_piece_is_short_so_that_it_is_heard_soon() -> None:
    first, rest = texts("When the long winter ended at last, the whole village went down to the river and sang.")

    assert first == "When the long winter ended at last,"
    assert len(first) <= FIRST
    assert rest.startswith("the whole village")


def test_long_sentences_are_cut_where_a_clause_ends() -> None:
    found = texts(LONG)

    assert all(len(text) <= LONGEST for text in found)
    assert " ".join(found) == LONG
    assert all(text.endswith(",") for text in found[:-1])


def test_an_endless_word_is_cut_too() -> None:
    assert all(len(text) <= LONGEST for text in texts("x" * 3000))


def test_lone_words_are_spoken_with_their_neighbours() -> None:
    assert texts("This is the very first sentence of all. Yes. No. Perhaps it is so.") == [
        "This is the very first sentence of all.",
        "Yes. No. Perhaps it is so.",
    ]


def test_pauses_grow_from_clause_to_paragraph_to_heading() -> None:
    text = (
        "The heading\n\nOne sentence that is long enough. Another one, also long enough.\n\nThe next paragraph is here."
    )
    pauses = [piece.pause for piece in pieces(text)]

    assert pauses[0] == HEADING_PAUSE > pauses[2] == PARAGRAPH_PAUSE > pauses[1] > 0.2


def test_a_long_text_starts_at_once_and_takes_no_memory() -> None:
    text = (LONG + " ") * 350  # about 100,000 characters in one paragraph
    next(iter(pieces("Warm the tables up.")))
    begin = time.process_time()
    next(pieces(text))
    waited = time.process_time() - begin
    tracemalloc.start()
    count = sum(1 for _ in itertools.islice(pieces(text), 300))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert count == 300
    assert waited < 0.5
    assert peak < 2_000_000


def test_warnings_come_once_with_the_part_they_belong_to() -> None:
    found = list(
        pieces("First part is fine and long enough.\n\nSecond part has a мир inside. And goes on for a while.")
    )

    assert [piece.warnings for piece in found] == [(), ("Cyrillic letters were left out",), ()]
