"""Bad files at every door: refused with the documented code and status, soon, and leaving nothing behind."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

import hostile_audio
from doors import House, Refusal
from hostile_audio import BAD, Maker

INVALID, TOO_LARGE = Refusal("invalid_audio", 400), Refusal("file_too_large", 413)
TOO_SHORT, POOR = Refusal("audio_too_short", 400), Refusal("low_quality_audio", 422)

# What no door takes.
NO_AUDIO: dict[str, tuple[Maker, Refusal]] = {
    "empty file": (hostile_audio.empty, INVALID),
    "text named .mp3": (BAD["text called .mp3"].make, INVALID),
    "truncated mp3": (BAD["cut mp3"].make, INVALID),
    "truncated flac": (BAD["cut flac"].make, INVALID),
    "truncated ogg": (BAD["cut ogg"].make, INVALID),
    "wav whose header lies": (hostile_audio.lying_wav, INVALID),
    "flac that expands to 24 h": (BAD["a day in a megabyte"].make, TOO_LARGE),
    "flac of 24 h that does not say so": (BAD["a day of unstated length"].make, TOO_LARGE),
    "11 minutes": (hostile_audio.eleven_minutes, TOO_LARGE),
    "NaN": (BAD["NaN"].make, INVALID),
    "infinite": (BAD["infinite"].make, INVALID),
    "no frames": (BAD["no frames"].make, INVALID),
    "playlist named .mp3": (hostile_audio.playlist, INVALID),
    "a pipe that nobody writes to": (hostile_audio.pipe, INVALID),
    "a folder": (lambda folder: folder, INVALID),
    "nothing there": (lambda folder: folder / "nothing.wav", Refusal("file_not_found", 404)),
}
DOORS = [
    House.convert,
    House.clone,
    House.clone_from_song,
    House.convert_command,
    House.dry_command,
    House.separate_command,
    House.clone_command,
    House.quality_command,
]
NO_BYTES = ["a pipe that nobody writes to", "a folder", "nothing there"]
# A folder means the songs in it to these; and there are none.
TAKE_FOLDERS = [House.convert_command, House.dry_command, House.separate_command]


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    return House(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def bad_file(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: make(tmp_path_factory.mktemp("bad")) for name, (make, _) in NO_AUDIO.items()}


@pytest.mark.parametrize("name", NO_AUDIO)
def test_no_door_takes_what_is_no_audio(house: House, bad_file: dict[str, Path], name: str) -> None:
    before = house.files()
    for door in DOORS:
        expected = NO_AUDIO[name][1]
        if name == "a folder" and door in TAKE_FOLDERS:
            expected = Refusal("file_not_found", 404)
        begin = time.monotonic()
        assert door(house, bad_file[name]) == expected, door.__name__
        assert time.monotonic() - begin < 20
    assert house.files() == before


@pytest.mark.parametrize("name", [name for name in NO_AUDIO if name not in NO_BYTES])
def test_bytes_are_refused_as_the_file_is(house: House, bad_file: dict[str, Path], name: str) -> None:
    assert house.convert_bytes(bad_file[name]) == NO_AUDIO[name][1]


# What is good audio, but nothing for the door.
@pytest.mark.parametrize(
    ("make", "door", "expected"),
    [
        (hostile_audio.short, House.convert, TOO_SHORT),
        (hostile_audio.short, House.convert_command, TOO_SHORT),
        (hostile_audio.short, House.dry_command, TOO_SHORT),
        (hostile_audio.short, House.separate_command, TOO_SHORT),
        (hostile_audio.short, House.clone, TOO_SHORT),
        (hostile_audio.short, House.clone_command, TOO_SHORT),
        (hostile_audio.quiet, House.convert, POOR),
        (hostile_audio.quiet, House.convert_command, POOR),
        (hostile_audio.quiet, House.dry_command, Refusal("pitch_extraction_failed", 422)),
        (hostile_audio.quiet, House.clone, TOO_SHORT),
    ],
)
def test_short_and_silent_recordings(
    house: House, tmp_path: Path, make: Maker, door: object, expected: Refusal
) -> None:
    path = make(tmp_path)
    before = house.files()
    assert door(house, path) == expected  # type: ignore[operator]
    assert house.files() == before


@pytest.mark.parametrize("command", ["separate", "quality"])
def test_silence_can_be_taken_apart_and_looked_at(house: House, tmp_path: Path, command: str) -> None:
    """These judge nothing: what goes in comes out, and scores say why there are none."""
    path = hostile_audio.quiet(tmp_path)
    assert getattr(house, f"{command}_command")(path) == Refusal(None, 0)


MEASURE = """
import resource, sys
from auto_voice.cli import autovoice
def run(path):
    try:
        autovoice.main(["separate", path, "-o", sys.argv[3]])
    except SystemExit as end:
        code = end.code
    return code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
first, bomb = run(sys.argv[1]), run(sys.argv[2])
print(bomb[0], bomb[1] - first[1])
"""


def test_a_bomb_costs_the_command_no_memory(house: House, bad_file: dict[str, Path]) -> None:
    files = [str(bad_file[name]) for name in ("empty file", "flac that expands to 24 h")]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *files, str(house.out)], capture_output=True, text=True, timeout=120, check=True
    )
    code, megabytes = done.stdout.split()
    assert code == "3"
    assert float(megabytes) < 60
    assert list(house.out.iterdir()) == []
