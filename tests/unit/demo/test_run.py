"""The demonstration: what it makes, what it makes only once, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from auto_voice.audio import Audio, decode, write
from auto_voice.config import Settings, load_settings
from auto_voice.demo.folder import RESULTS, DemoFolder
from auto_voice.demo.run import SENTENCE, USER_ID, Outcome
from auto_voice.errors import CancelledError, InvalidAudioError, InvalidParametersError, NotFoundError, StorageError
from auto_voice.profiles import ProfileStore
from simple_demo import Stage
from simple_engines import RATE, song, voice, wav

STAGES = ["source separation", "pitch extraction", "voice conversion", "audio mixing"]
PARTS = ["reading", "singing", "voice cloning", *STAGES, "speaking", "writing"]


class Finished(NamedTuple):
    """A demonstration in `place`/demo, and what its progress display was told."""

    place: Path
    outcome: Outcome
    told: list[tuple[float, str]]


def bare_settings(place: Path) -> Settings:
    """Folders of the test's own, and no weights: scores stay empty."""
    environment = {
        "AUTOVOICE__STORAGE__DATA_DIR": str(place / "data"),
        "AUTOVOICE__STORAGE__MODELS_DIR": str(place / "no-models"),
    }
    return load_settings(environment=environment)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return bare_settings(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "demo"


def silent(fraction: float, what: str) -> None:
    """A display for nobody."""


def visible(folder: Path) -> set[str]:
    """Names of the files in a folder that a user sees, and of temporary ones."""
    return {path.name for path in folder.iterdir() if path.is_file()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """One demonstration for all tests that only look at it."""
    place = tmp_path_factory.mktemp("finished")
    told: list[tuple[float, str]] = []
    demo = Stage(bare_settings(place), place / "demo").demo
    outcome = demo.run(lambda fraction, what: told.append((fraction, what)))
    return Finished(place, outcome, told)


def test_a_demonstration_leaves_voice_song_results_and_a_page(finished: Finished) -> None:
    folder, outcome = finished.place / "demo", finished.outcome
    assert visible(folder) == {"my_voice.wav", "song.mp3", *RESULTS.values()}
    assert outcome.files == {key: folder / name for key, name in RESULTS.items()}
    page = outcome.files["report"].read_text(encoding="utf-8")
    for shown in ("my_voice.wav", "song.mp3", "converted.mp3", "vocals.wav", "converted_vocals.wav", "spoken.wav"):
        assert f'src="./{shown}"' in page


def test_stems_add_up_to_the_song_and_the_conversion_has_its_length(finished: Finished) -> None:
    files = finished.outcome.files
    original = decode(finished.outcome.song)
    stems = [decode(files[name]).samples for name in ("vocals", "accompaniment")]
    assert np.abs(original.samples - sum(stems)).max() < 1e-4  # rounded to 16 bits twice
    assert decode(files["converted"]).samples.shape == original.samples.shape


def test_every_part_is_timed_in_order(finished: Finished) -> None:
    assert list(finished.outcome.seconds) == PARTS


def test_progress_never_falls_and_names_the_part(finished: Finished) -> None:
    fractions = [fraction for fraction, _ in finished.told]
    assert fractions == sorted(fractions)
    assert fractions[-1] <= 1.0
    assert [what for what in dict.fromkeys(what for _, what in finished.told) if what != "converting"] == PARTS


def test_the_users_own_voices_are_left_alone(finished: Finished) -> None:
    assert not (finished.place / "data").exists()


def test_a_second_run_makes_nothing_again(settings: Settings, folder: Path) -> None:
    first = Stage(settings, folder)
    first.demo.run(silent)
    assert first.work_done() == {"material": 2, "cloner": 1, "separator": 1, "converter": 1, "speaker": 1}
    before = {name: (folder / name).read_bytes() for name in visible(folder) - {"report.html"}}

    second = Stage(settings, folder)
    second.demo.run(silent)
    assert set(second.work_done().values()) == {0}
    assert {name: (folder / name).read_bytes() for name in before} == before


def test_everything_is_made_anew_on_request(settings: Settings, folder: Path) -> None:
    Stage(settings, folder).demo.run(silent)
    again = Stage(settings, folder, use_cache=False)
    again.demo.run(silent)

    assert again.work_done() == {"material": 2, "cloner": 1, "separator": 1, "converter": 1, "speaker": 1}
    assert ProfileStore(again.settings).count() == 1


def test_own_files_are_used_where_they_are(settings: Settings, folder: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mein lied ♫.wav"
    mine.write_bytes(wav(song(3.0)))
    me = tmp_path / "me.flac"
    write(me, Audio(voice(2.0, 120)[None], RATE))
    stage = Stage(settings, folder)
    told: list[float] = []
    outcome = stage.demo.run(lambda fraction, what: told.append(fraction), mine, me)

    assert stage.material.made == []
    assert stage.cloner.heard == [me]
    assert (outcome.song, outcome.voice) == (mine, me)
    assert visible(folder) == set(RESULTS.values())
    assert decode(outcome.files["converted"]).duration == pytest.approx(3.0)
    assert "reading" not in outcome.seconds
    assert "singing" not in outcome.seconds
    assert told[0] == 0.0
    assert 0.9 < told[-1] <= 1.0


def test_one_own_file_alone_is_enough(settings: Settings, folder: Path, tmp_path: Path) -> None:
    mine = tmp_path / "song.wav"
    mine.write_bytes(wav(song(3.0)))
    stage = Stage(settings, folder)
    stage.demo.run(silent, song=mine)
    assert stage.material.made == ["voice"]


def test_another_recording_replaces_the_voice(settings: Settings, folder: Path, tmp_path: Path) -> None:
    stage = Stage(settings, folder)
    former = stage.demo.run(silent).profile
    me = tmp_path / "me.wav"
    write(me, Audio(voice(2.0, 120)[None], RATE))
    mine = stage.demo.run(silent, voice=me).profile

    assert [profile.profile_id for profile in ProfileStore(stage.settings).list(USER_ID)] == [mine.profile_id]
    assert mine.profile_id != former.profile_id
    assert stage.speaker.said == [SENTENCE, SENTENCE]


@pytest.mark.parametrize("what", ["song", "voice"])
def test_a_bad_file_is_refused_before_anything_is_made(
    settings: Settings, folder: Path, tmp_path: Path, what: str
) -> None:
    stage = Stage(settings, folder)
    text = tmp_path / "song.mp3"
    text.write_text("no music at all")
    with pytest.raises(InvalidAudioError):
        stage.demo.run(silent, **{what: text})
    with pytest.raises(NotFoundError):
        stage.demo.run(silent, **{what: tmp_path / "nowhere.wav"})
    assert stage.material.made == []
    assert visible(folder) == set()


def test_a_result_cannot_be_the_song(settings: Settings, folder: Path) -> None:
    stage = Stage(settings, folder)
    outcome = stage.demo.run(silent)
    before = outcome.files["converted"].read_bytes()
    with pytest.raises(InvalidParametersError, match="replaced"):
        stage.demo.run(silent, song=outcome.files["converted"])
    assert outcome.files["converted"].read_bytes() == before


def test_a_song_of_more_than_two_channels_gets_a_mp3_too(settings: Settings, folder: Path, tmp_path: Path) -> None:
    wide = tmp_path / "surround.wav"
    stereo = song(2.0).samples
    wide.write_bytes(wav(Audio(np.repeat(stereo, 3, axis=0), RATE)))
    outcome = Stage(settings, folder).demo.run(silent, song=wide)
    assert decode(outcome.files["converted"]).channels == 6
    assert decode(outcome.files["converted_mp3"]).channels == 1


def test_a_song_without_a_voice_comes_back_with_the_reason(settings: Settings, folder: Path, tmp_path: Path) -> None:
    band = tmp_path / "band.wav"
    clock = np.arange(4 * RATE) / RATE
    beats = np.exp(-4 * (clock % 0.5))
    chord = (beats * sum(0.1 * np.sin(2 * np.pi * hertz * clock) for hertz in (220, 277, 330))).astype(np.float32)
    band.write_bytes(wav(Audio(np.stack([chord, -chord]), RATE)))
    outcome = Stage(settings, folder).demo.run(silent, song=band)

    assert any("No vocals" in warning for warning in outcome.warnings)
    assert np.abs(decode(outcome.files["converted"]).samples - np.stack([chord, -chord])).max() < 1e-4
    assert "No vocals" in outcome.files["report"].read_text(encoding="utf-8")


@pytest.mark.parametrize("moment", PARTS)
def test_an_interrupted_run_leaves_whole_files_only(settings: Settings, folder: Path, moment: str) -> None:
    def interrupt(fraction: float, what: str) -> None:
        if what == moment:
            raise CancelledError

    with pytest.raises(CancelledError):
        Stage(settings, folder).demo.run(interrupt)
    assert visible(folder) <= {"my_voice.wav", "song.mp3"}
    assert not [path for path in folder.rglob("*") if path.name.startswith(".tmp")]
    for name in visible(folder):
        assert decode(folder / name).duration > 1.9
    Stage(settings, folder).demo.run(silent)  # and the next one goes through


def test_files_of_somebody_else_are_not_replaced(folder: Path) -> None:
    folder.mkdir()
    (folder / "vocals.wav").write_bytes(b"a week of work")
    with pytest.raises(InvalidParametersError, match=r"vocals\.wav"):
        DemoFolder(folder)
    DemoFolder(folder, force=True)


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot use the folder"):
        DemoFolder(tmp_path / "file" / "demo")
