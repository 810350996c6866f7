"""`autovoice convert`: which files, where to, what is said, and what a failure leaves behind."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from click.testing import CliRunner, Result

from auto_voice.cli import autovoice
from auto_voice.config import Settings, load_settings
from auto_voice.errors import StorageError
from auto_voice.inference.singing_conversion_pipeline import SingingConversionPipeline
from auto_voice.models.runtime import ModelRuntime
from simple_engines import (
    RATE,
    LevelContent,
    MiddleSeparator,
    SpectralPeakPitch,
    TurningConverter,
    make_profile,
    song,
    wav,
)

SONG = wav(song(2.0))


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """What the command will load: the test's own folders, and no weights, so that scores stay empty."""
    monkeypatch.setenv("AUTOVOICE__STORAGE__DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("AUTOVOICE__STORAGE__MODELS_DIR", str(tmp_path / "no-models"))
    return load_settings(environment=os.environ)


@pytest.fixture
def music(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a song, a voice called Ada, and simple engines to convert with."""
    make_profile(settings)
    runtime = ModelRuntime(settings)
    monkeypatch.setattr(
        "auto_voice.cli.convert._make_pipeline",
        lambda settings: SingingConversionPipeline(
            settings,
            runtime=runtime,
            separator=MiddleSeparator(),
            pitch=SpectralPeakPitch(),
            content=LevelContent(),
            converter=TurningConverter(),
        ),
    )
    folder = tmp_path / "music"
    folder.mkdir()
    (folder / "song.wav").write_bytes(SONG)
    return folder


def convert(*arguments: str | Path, voice: str = "Ada") -> Result:
    return CliRunner().invoke(autovoice, ["convert", *map(str, arguments), "--voice", voice])


def test_the_conversion_lies_beside_the_song(music: Path) -> None:
    result = convert(music / "song.wav")
    assert result.exit_code == 0, result.output
    info = soundfile.info(music / "song (Ada).wav")
    assert (info.samplerate, info.channels, info.frames) == (RATE, 2, 2 * RATE)
    assert "song (Ada).wav" in result.stdout
    assert (music / "song.wav").read_bytes() == SONG


def test_progress_and_nothing_else_goes_to_stderr_and_one_document_to_stdout(music: Path) -> None:
    result = convert(music / "song.wav", "--json")
    document = json.loads(result.stdout)
    assert document["converted"] == 1
    entry = document["files"][0]
    assert entry["output"] == str(music / "song (Ada).wav")
    assert entry["metadata"]["separation_model"] == "middle"
    assert set(entry["stage_seconds"]) == {"source_separation", "pitch_extraction", "voice_conversion", "audio_mixing"}
    assert "song.wav: 100% audio mixing" in result.stderr


@pytest.mark.parametrize(("name", "form"), [("a.flac", "FLAC"), ("a.mp3", "MP3"), ("a.ogg", "OGG"), ("a.opus", "OGG")])
def test_the_suffix_chooses_the_format(music: Path, name: str, form: str) -> None:
    assert convert(music / "song.wav", "-o", music / name).exit_code == 0
    assert soundfile.info(music / name).format == form


def test_format_chooses_it_for_default_names(music: Path) -> None:
    assert convert(music / "song.wav", "--format", "flac").exit_code == 0
    assert soundfile.info(music / "song (Ada).flac").format == "FLAC"


def test_stems_lie_beside_the_conversion(music: Path) -> None:
    assert convert(music / "song.wav", "-o", music / "new.wav", "--stems").exit_code == 0
    assert sorted(path.name for path in music.iterdir()) == [
        "new - instrumental.wav",
        "new - vocals.wav",
        "new.wav",
        "song.wav",
    ]


def test_what_is_synthetic_says_so_itself(music: Path) -> None:
    convert(music / "song.wav", "-o", music / "new.flac", "--stems")
    said = {}
    for path in music.glob("new*.flac"):
        with soundfile.SoundFile(path) as sound:
            said[path.name] = sound.comment.partition(":")[0]
    original = {"new - instrumental.flac": ""}
    assert said == {"new.flac": "Synthetic voice", "new - vocals.flac": "Synthetic voice", **original}


def test_a_report_can_be_written(music: Path) -> None:
    result = convert(music / "song.wav", "--report")
    assert result.exit_code == 0, result.output
    assert "song.wav" in (music / "song (Ada).html").read_text()


def test_folders_and_patterns_mean_their_songs(music: Path, tmp_path: Path) -> None:
    (music / "other.mp3").write_bytes(SONG)
    (music / "cover.jpg").write_bytes(b"no song")
    out = tmp_path / "new folder"
    result = convert(music, music / "*.wav", "-o", f"{out}/")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in out.iterdir()) == ["other (Ada).wav", "song (Ada).wav"]


def test_one_bad_file_does_not_stop_the_others(music: Path) -> None:
    (music / "bad.mp3").write_bytes(b"text named .mp3")
    result = convert(music / "bad.mp3", music / "song.wav", "--json")
    assert result.exit_code == 3
    bad, good = json.loads(result.stdout)["files"]
    assert bad["code"] == "invalid_audio"
    assert Path(good["output"]).is_file()
    assert "failed" in convert(music / "bad.mp3", music / "song.wav", "--force").stdout


def test_what_is_there_is_not_replaced_unless_forced(music: Path) -> None:
    (music / "song (Ada).wav").write_bytes(b"precious")
    refused = convert(music / "song.wav")
    assert refused.exit_code == 3
    assert "--force" in refused.stderr
    assert (music / "song (Ada).wav").read_bytes() == b"precious"
    assert convert(music / "song.wav", "--force").exit_code == 0
    assert (music / "song (Ada).wav").read_bytes() != b"precious"


@pytest.mark.parametrize("link", [False, True])
def test_the_song_itself_is_never_overwritten(music: Path, link: bool) -> None:
    output = music / ("link.wav" if link else "song.wav")
    if link:
        output.symlink_to("song.wav")
    result = convert(music / "song.wav", "-o", output, "--force")
    assert result.exit_code == 3
    assert "the song itself" in result.stderr
    assert (music / "song.wav").read_bytes() == SONG


def test_songs_of_one_name_do_not_overwrite_each_other(music: Path, tmp_path: Path) -> None:
    (tmp_path / "song.wav").write_bytes(SONG)
    result = convert(music / "song.wav", tmp_path / "song.wav", "-o", tmp_path / "out/")
    assert result.exit_code == 3
    assert "same name" in result.stderr


@pytest.mark.parametrize("name", ["Ünï (1) $(reboot); 'x\".wav", "-rf.wav", "歌.wav", "new\nline.wav"])
def test_hostile_names_are_only_names(music: Path, name: str) -> None:
    (music / name).write_bytes(SONG)
    result = convert(music / name)
    assert result.exit_code == 0, result.output
    assert (music / f"{Path(name).stem} (Ada).wav").is_file()


def test_a_voice_name_cannot_lead_out_of_the_folder(music: Path, settings: Settings) -> None:
    make_profile(settings, "../../evil/..")
    assert convert(music / "song.wav", voice="../../evil/..").exit_code == 0
    assert sorted(path.name for path in music.iterdir()) == ["song (.._.._evil_..).wav", "song.wav"]


def test_a_very_long_name_is_shortened(music: Path) -> None:
    (music / f"{'歌' * 80}.wav").write_bytes(SONG)
    result = convert(music / f"{'歌' * 80}.wav", "--stems")
    assert result.exit_code == 0, result.output


def test_dry_vocals(music: Path) -> None:
    result = convert(music / "song.wav", "--no-separation", "--json")
    assert json.loads(result.stdout)["files"][0]["metadata"]["separation_model"] == "none"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nothing.wav"], 3, "no file"),
        (["{music}/song.wav", "-o", "{music}/song.aiff"], 3, "aiff"),
        (["{music}/song.wav", "-o", "{music}/no/such/folder/x.wav"], 3, "no folder"),
        (["{music}/song.wav", "--preset", "best"], 3, "no preset"),
        (["{music}/song.wav", "--pitch-shift", "13"], 3, "12"),
        (["{music}/song.wav", "--pitch-shift", "high"], 3, "auto"),
        (["{music}/song.wav", "--vocal-volume", "3"], 3, "vocal_volume"),
        (["{music}/song.wav", "--no-separation", "--stems"], 2, "--stems"),
        (["{music}/song.wav", "--user-id", "somebody else"], 3, "profile"),
        ([], 2, "SONG"),
    ],
)
def test_wrong_requests_are_refused_with_the_reason(music: Path, arguments: list[str], code: int, said: str) -> None:
    result = convert(*(argument.replace("{music}", str(music)) for argument in arguments))
    assert result.exit_code == code
    assert said in result.stderr
    assert [path.name for path in music.iterdir()] == ["song.wav"]


def test_an_unknown_voice_is_not_found(music: Path) -> None:
    assert convert(music / "song.wav", voice="nobody").exit_code == 3


def test_a_full_disk_leaves_none_of_the_files(music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from auto_voice import audio

    write: Callable[..., None] = audio.write

    def full_after_the_first(path: Path, *given: object, **named: object) -> None:
        if "vocals" in path.name:
            raise StorageError("the disk is full")
        write(path, *given, **named)

    monkeypatch.setattr(audio, "write", full_after_the_first)
    result = convert(music / "song.wav", "--stems")
    assert result.exit_code == 8
    assert [path.name for path in music.iterdir()] == ["song.wav"]
