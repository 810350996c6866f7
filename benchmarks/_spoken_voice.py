"""Text spoken in the cloned voices: likeness, naturalness and words of sentences that nobody has read."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from _conversion_measures import Judges, mean, wer
from _conversion_pairs import Target
from auto_voice.inference.engine import TTSEngine
from auto_voice.utils.naturalness import representative_places
from auto_voice.utils.speaker import similarity

SENTENCES = (
    "The morning ferry was late again, so we walked along the harbour wall.",
    "Nobody expected the small museum to own a painting of that quality.",
    "If you turn left behind the station, you will see the old bakery.",
    "My grandmother kept her letters in a wooden box under the window.",
    "The engine made a strange noise before it stopped in the middle of the bridge.",
    "They have planted apple trees and roses on both sides of the road.",
    "Could you tell me why the meeting was moved to the end of the week?",
    "A cold wind blew the smoke of the chimneys across the frozen fields.",
)


@dataclass(frozen=True)
class Spoken:
    """A sentence in a voice; `likeness` is (to the cloned recording, to held-out ones) by the encoder's name."""

    target: str
    held_out: bool
    text: str
    heard: str
    likeness: dict[str, tuple[float, float | None]]
    wer: float
    mos: float
    dnsmos: float
    rtf: float


def speak(engine: TTSEngine, judges: Judges, target: Target) -> list[Spoken]:
    """Every sentence in one voice."""
    rows = []
    for text in SENTENCES:
        start = time.perf_counter()
        audio = engine.synthesize(text, target.profile_id)
        seconds = time.perf_counter() - start
        heard = judges.transcribe(audio, "en")
        mos, dnsmos = judges.naturalness(audio, representative_places(audio))
        likeness = {}
        for encoder in judges.encoders:
            voice, print_ = encoder.embed(audio), target.prints[encoder.name]
            unseen = None if print_.held_out is None else similarity(voice, print_.held_out)
            likeness[encoder.name] = similarity(voice, print_.profile), unseen
        lost = wer(text, heard, "en") or 0.0
        rows.append(
            Spoken(target.name, target.held_out, text, heard, likeness, lost, mos, dnsmos, audio.duration / seconds)
        )
    return rows


def print_spoken(rows: Sequence[Spoken]) -> None:
    """A line for every voice, then the mean, and the summary."""
    encoders = list(rows[0].likeness)
    table = Table("speech as", *(f"{name}\ntarget/held out" for name in encoders), "WER", "MOS", "DNSMOS", "RTF")
    for name in dict.fromkeys(row.target for row in rows):
        part = [row for row in rows if row.target == name]
        table.add_row(f"{name}{' *' if part[0].held_out else ''}", *_cells(part))
    table.add_section()
    unseen = [row for row in rows if row.held_out]
    if unseen:
        table.add_row("held-out voices", *_cells(unseen))
    table.add_row("mean", *_cells(rows))
    Console(width=120).print(table)
    likeness = ", ".join(f"{name} {cell}" for name, cell in zip(encoders, _cells(rows), strict=False))
    print(
        f"speech in cloned voices, {len(rows)} sentences: similarity {likeness}"
        f" · WER {mean(row.wer for row in rows):.1%} · MOS {mean(row.mos for row in rows):.2f}"
        f" · RTF {np.median([row.rtf for row in rows]):.2f}"
    )


def _cells(rows: Sequence[Spoken]) -> list[str]:
    likeness = [
        f"{mean(row.likeness[name][0] for row in rows):.3f}/{mean(row.likeness[name][1] for row in rows):.3f}"
        for name in rows[0].likeness
    ]
    return [
        *likeness,
        f"{mean(row.wer for row in rows):.1%}",
        f"{mean(row.mos for row in rows):.2f}",
        f"{mean(row.dnsmos for row in rows):.2f}",
        f"{np.median([row.rtf for row in rows]):.2f}",
    ]
