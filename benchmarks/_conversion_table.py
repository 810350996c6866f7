"""The figures of the conversion benchmark in one table, a summary line and a picture for every pair."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from _conversion_measures import Row, mean, words_lost
from _joint_pitch import CLOCK_SECONDS, Readings
from auto_voice.audio import Audio

TOP_HZ = 8000
_WIDTH = 190


def grouped(rows: Sequence[Row], label: Callable[[Row], str]) -> dict[str, list[Row]]:
    """Rows of the same label together, in the order of their first."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(label(row), []).append(row)
    return found


def slices(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows that have a mean of their own, and all of them."""
    return {
        "speech": [row for row in rows if row.spoken],
        "sung": [row for row in rows if not row.spoken],
        "onto readers": [row for row in rows if row.target_kind == "readers"],
        "onto singers": [row for row in rows if row.target_kind == "singers"],
        "in range": [row for row in rows if row.in_range],
        "held-out voices": [row for row in rows if row.held_out],
        "mean": list(rows),
    }


def summarise(rows: Sequence[Row]) -> dict[str, Any]:
    """Means over pairs, of words over all words; NaN where there is nothing to be averaged. RTF is the median."""
    encoders = rows[0].likeness if rows else {}
    fields = ("profile", "held_out", "source", "before", "ceiling", "held_out_ceiling")
    return {
        "pairs": len(rows),
        "likeness": {
            encoder: {field: mean(getattr(row.likeness[encoder], field) for row in rows) for field in fields}
            for encoder in encoders
        },
        "words": sum(row.words for row in rows),
        "wer_over_own": words_lost(rows),
        "wer": mean(row.wer for row in rows),
        "rmse_hz": mean(row.melody.rmse_hz for row in rows),
        "median_cents": mean(row.melody.median_cents for row in rows),
        "rpa50": mean(row.melody.rpa50 for row in rows),
        "doubtful": mean(row.melody.doubtful for row in rows),
        "voicing": mean(row.melody.voicing for row in rows),
        "mos": mean(row.mos for row in rows),
        "mos_change": mean(row.mos - row.own_mos for row in rows),
        "dnsmos": mean(row.dnsmos for row in rows),
        "dnsmos_change": mean(row.dnsmos - row.own_dnsmos for row in rows),
        "silence_dbfs": mean(row.silence_dbfs for row in rows),
        "loudest_silence_dbfs": max(
            (row.silence_dbfs for row in rows if row.silence_dbfs is not None), default=float("nan")
        ),
        "rtf": float(np.median([row.rtf for row in rows])) if rows else float("nan"),
    }


def print_table(rows: Sequence[Row]) -> None:
    """A line for every group of sources, every target, and every slice.

    Likeness: to the cloned recording / to held-out ones / what is left of the source.
    """
    encoders = list(rows[0].likeness)
    likeness = [f"{encoder}\ntarget/held out/source" for encoder in encoders]
    heads = ["RMSE Hz", "cents", "RPA50", "voicing", "WER\nover own", "MOS", "DNSMOS", "silence\ndBFS", "RTF"]
    table = Table("", "pairs", *likeness, *heads)
    by_source = grouped(rows, lambda row: row.group)
    by_target = grouped(rows, lambda row: f"onto {row.target}{' *' if row.held_out else ''}")
    for parts in (by_source, by_target, slices(rows)):
        for name, part in parts.items():
            if part:
                table.add_row(*cells(name, summarise(part)))
        table.add_section()
    Console(width=_WIDTH).print(table)
    print("* a voice that nobody tunes with; MOS and DNSMOS beside the change against the source's own")


def cells(name: str, means: Mapping[str, Any]) -> list[str]:
    """A line of the table."""
    return [
        name,
        str(means["pairs"]),
        *(f"{part['profile']:.3f}/{part['held_out']:.3f}/{part['source']:.3f}" for part in means["likeness"].values()),
        f"{means['rmse_hz']:.1f}",
        f"{means['median_cents']:.1f}",
        f"{100 * means['rpa50']:.1f}",
        f"{100 * means['voicing']:.1f}",
        f"{100 * means['wer_over_own']:+.1f}",
        f"{means['mos']:.2f} ({means['mos_change']:+.2f})",
        f"{means['dnsmos']:.2f} ({means['dnsmos_change']:+.2f})",
        f"{means['silence_dbfs']:.1f}",
        f"{means['rtf']:.2f}",
    ]


def summary_line(rows: Sequence[Row]) -> str:
    """Everything that counts, in one line."""
    means = {name: summarise(part) for name, part in slices(rows).items()}
    whole = means["mean"]
    likeness = "; ".join(_likeness(means, encoder) for encoder in whole["likeness"])
    return (
        f"conversion quality, {len(rows)} pairs: {likeness}"
        f" · words speech {100 * means['speech']['wer_over_own']:+.1f} sung {100 * means['sung']['wer_over_own']:+.1f}"
        f" points · F0 RMSE {whole['rmse_hz']:.1f} Hz, {whole['median_cents']:.1f} cents,"
        f" RPA50 {100 * whole['rpa50']:.1f} % (in doubt {100 * whole['doubtful']:.1f} %),"
        f" voicing {100 * whole['voicing']:.1f} %"
        f" · MOS {whole['mos_change']:+.2f} (DNSMOS {whole['dnsmos_change']:+.2f})"
        f" · silence {whole['silence_dbfs']:.1f} dBFS · RTF {whole['rtf']:.2f}"
    )


def _likeness(means: Mapping[str, Any], encoder: str) -> str:
    def of(part: str, field: str) -> float:
        likeness = means[part]["likeness"]
        return float(likeness[encoder][field]) if likeness else float("nan")

    unseen = f"{of('mean', 'held_out'):.3f} of {of('mean', 'held_out_ceiling'):.3f}"
    return (
        f"similarity {encoder} {of('mean', 'profile'):.3f} (held-out clips {unseen},"
        f" held-out voices {of('held-out voices', 'held_out'):.3f}, in range {of('in range', 'profile'):.3f},"
        f" before {of('mean', 'before'):.3f}, ceiling {of('mean', 'ceiling'):.3f})"
    )


def picture(path: Path, row: Row, sounds: tuple[Audio, Audio], melodies: tuple[Readings, Readings]) -> None:
    """Both spectrograms up to 8 kHz, the source above the conversion; below the melodies, each by both trackers."""
    figure = Figure(figsize=(12, 9), layout="constrained")
    upper, middle, lower = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 2))
    encoder, likeness = next(iter(row.likeness.items()))
    lost = "no words" if row.wer_over_own is None else f"WER {100 * row.wer_over_own:+.0f} points"
    upper.set_title(f"{row.source}: MOS {row.own_mos:.2f}")
    middle.set_title(
        f"as {row.target}: {encoder} {likeness.profile:.3f} (before {likeness.before:.3f}), MOS {row.mos:.2f}, {lost}"
    )
    lower.set_title(f"melody: RPA50 {100 * row.melody.rpa50:.0f} %, RMSE {row.melody.rmse_hz:.1f} Hz")
    places = ((upper, "tab:orange"), (middle, "tab:blue"))
    for (axes, colour), audio, readings in zip(places, sounds, melodies, strict=True):
        # A floor of −120 dBFS, or digital silence would be logarithms of zero.
        wave = audio.mono() + 1e-6 * np.random.default_rng(0).standard_normal(audio.frames)
        axes.specgram(wave, NFFT=2048, noverlap=1536, Fs=audio.sample_rate, cmap="magma", vmin=-140, vmax=-40)
        axes.set(ylim=(0, min(TOP_HZ, audio.sample_rate / 2)), ylabel="Hz")
        clock = np.arange(readings.shape[1]) * CLOCK_SECONDS
        for curve in readings:
            lower.semilogy(clock, np.where(curve > 0, curve, np.nan), color=colour, linewidth=1)
    lower.set(xlabel="s", ylabel="Hz")
    figure.savefig(path, dpi=80)
