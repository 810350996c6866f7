"""How fast speech is made, how soon it starts, and how well it is understood.

    python benchmarks/speech.py [--limit N] [--voice NAME] [--json FILE]

Each sentence of `sentences.txt` is spoken and written down by Whisper base. The reference is the
hand-written spoken form. Whisper writes numbers as it likes ("$3.50", "three dollars"), so its text is
turned into spoken form before it is compared, and where it wrote bare digits ("705"), said number by
number, as a time or as a telephone number, whichever is nearest; both sides are then put in lower case,
without punctuation, with one spelling for American and British words and for initials. RTF is seconds of
speech per second of work, models loaded, as the listener gets it (trimmed); per core it is per second of processor
time, which other programs on the machine change less.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import time
from pathlib import Path

import jiwer
import numpy as np

from auto_voice.audio import resample_samples
from auto_voice.config import load_settings
from auto_voice.inference.engine import TTSEngine
from auto_voice.inference.speech.text.normalise import normalise
from auto_voice.models.runtime import ModelRuntime

SENTENCES = Path(__file__).with_name("sentences.txt")
LONG_TEXT = "Good morning, everybody. " + "The river bends twice before it reaches the old stone bridge. " * 200
_SAME = {
    "ok": "okay", "colour": "color", "favourite": "favorite", "grey": "gray", "neighbour": "neighbor",
    "kilometre": "kilometer", "kilometres": "kilometers", "centimetres": "centimeters",
    "litres": "liters", "metres": "meters",
}  # fmt: skip


def words(text: str) -> str:
    """Lower-case words with initials apart: "The FBI, 3:45 PM" is "the f b i three forty five p m"."""
    text = re.sub(r"\b[A-Z]{2,4}\b", lambda match: " ".join(match[0]) if match[0] in INITIALS else match[0], text)
    found = re.findall(r"[a-z']+", text.lower().replace("-", " "))
    return " ".join(_SAME.get(word.strip("'"), word.strip("'")) for word in found)


INITIALS = {"AM", "PM", "FBI", "CIA", "USB"}


def hypotheses(heard: str) -> set[str]:
    """The spoken forms of what was written down; digits without a mark have several."""
    as_time = re.sub(r"\b(\d{1,2})(\d\d)\b", r"\1:\2", heard)
    as_digits = re.sub(r"\b\d+\b", lambda match: " ".join(match[0]), heard)
    return {words(normalise(each).text) for each in (heard, as_time, as_digits)}


def load_sentences(limit: int | None) -> list[tuple[str, str]]:
    """Pairs of written and spoken form."""
    lines = [line for line in SENTENCES.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    pairs = [line.split(" | ") for line in lines]
    return [(written, spoken) for written, spoken in pairs][:limit]


def first_audio_seconds(engine: TTSEngine, voice: str | None) -> tuple[float, float]:
    """Seconds until a long text is first heard, and the seconds of speech heard then; medians of three."""
    waits, heard = [], []
    for _ in range(3):
        begin = time.perf_counter()
        audio = next(engine.stream(LONG_TEXT, voice))
        waits.append(time.perf_counter() - begin)
        heard.append(audio.duration)
    return statistics.median(waits), statistics.median(heard)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, help="only the first N sentences")
    parser.add_argument("--voice", help="a stock voice or a profile")
    parser.add_argument("--json", type=Path, help="write the figures to a file")
    arguments = parser.parse_args()

    from faster_whisper import WhisperModel

    settings = load_settings()
    runtime = ModelRuntime(settings)
    engine = TTSEngine(settings, runtime=runtime)
    whisper = WhisperModel(
        str(runtime.model_file("whisper-base", "model.bin").parent), device="cpu", compute_type="int8"
    )
    engine.synthesize("Warm up.", arguments.voice)

    rows, total = [], {"audio": 0.0, "work": 0.0, "processor": 0.0}
    for written, spoken in load_sentences(arguments.limit):
        begin, begin_processor = time.perf_counter(), time.process_time()
        audio = engine.synthesize(written, arguments.voice)
        work = time.perf_counter() - begin
        total["processor"] += time.process_time() - begin_processor
        samples = np.pad(resample_samples(audio.mono(), audio.sample_rate, 16000), 8000)
        segments, _ = whisper.transcribe(samples, language="en", beam_size=5, condition_on_previous_text=False)
        heard = " ".join(segment.text.strip() for segment in segments)
        reference = words(spoken)
        hypothesis = min(hypotheses(heard), key=lambda each: jiwer.wer(reference, each))
        wer = jiwer.wer(reference, hypothesis)
        rows.append({"text": written, "heard": heard, "wer": wer, "rtf": audio.duration / work,
                     "reference": reference, "hypothesis": hypothesis})  # fmt: skip
        total["audio"] += audio.duration
        total["work"] += work
        if wer:
            print(f"{wer:5.0%}  {written}\n       {heard}")

    wait, heard_seconds = first_audio_seconds(engine, arguments.voice)
    figures = {
        "sentences": len(rows),
        "speech_seconds": total["audio"],
        "rtf": total["audio"] / total["work"],
        "rtf_per_core": total["audio"] / total["processor"],
        "rtf_median": statistics.median(row["rtf"] for row in rows),
        "first_audio_seconds": wait,
        "first_audio_length_seconds": heard_seconds,
        "wer": jiwer.wer([row["reference"] for row in rows], [row["hypothesis"] for row in rows]),
        "sentences_with_errors": sum(row["wer"] > 0 for row in rows),
    }
    print("\n" + "\n".join(f"{name:28}{value:10.3f}" for name, value in figures.items()))
    if arguments.json:
        arguments.json.write_text(json.dumps({**figures, "rows": rows}, indent=2), encoding="utf-8")
    print(
        f"speech: RTF {figures['rtf']:.2f} (at least 1.0; {figures['rtf_per_core']:.2f} per core), "
        f"first audio after {wait:.2f} s ({heard_seconds:.2f} s of speech), "
        f"WER {figures['wer']:.1%} on {len(rows)} sentences (at most 3 %)"
    )


if __name__ == "__main__":
    main()
