"""The process that decodes for us can do little else, and never for long."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auto_voice.audio import sandbox
from auto_voice.errors import AutoVoiceError, InvalidAudioError
from hostile_audio import GOOD

Decoder = Callable[[str], None]
AU_HEADER = "import os, struct, sys, time; os.write(1, struct.pack('>4sIIIII', b'.snd', 24, 2**32 - 1, 6, 8000, 1))"


def read(path: Path, demuxer: str = "mov", timeout_seconds: float = 20.0) -> np.ndarray:
    with (
        path.open("rb", buffering=0) as file,
        sandbox.ffmpeg_stream(file, demuxer, 10.0, timeout_seconds) as stream,  # type: ignore[arg-type]
    ):
        return np.concatenate(list(stream.blocks))


@pytest.fixture
def decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Decoder:
    """Puts a Python script in ffmpeg's place."""

    def install(script: str) -> None:
        path = tmp_path / "decoder"
        path.write_text(f"#!{sys.executable}\n{AU_HEADER}\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setattr(sandbox, "find_ffmpeg", lambda: str(path))

    return install


@pytest.fixture
def any_file(tmp_path: Path) -> Path:
    (tmp_path / "any").write_bytes(b"content")
    return tmp_path / "any"


def test_limits_hold_in_the_process() -> None:
    report = """import json, resource as r
print(json.dumps([r.getrlimit(k) for k in (r.RLIMIT_CPU, r.RLIMIT_AS, r.RLIMIT_FSIZE, r.RLIMIT_NOFILE)]))"""
    launcher = [sys.executable, "-I", "-S", str(sandbox._LAUNCHER), "7", str(1 << 29)]
    output = subprocess.run([*launcher, sys.executable, "-c", report], capture_output=True, check=True).stdout
    assert json.loads(output) == [[7, 7], [1 << 29, 1 << 29], [0, 0], [16, 16]]


def test_it_gets_the_file_as_input_no_secrets_and_a_group_of_its_own(
    decoder: Decoder, any_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "hidden")
    decoder(
        "facts = (os.read(0, 99) == b'content', 'SECRET' not in os.environ,"
        f" os.getpgrp() != {os.getpgrp()}, os.getcwd() == '/')\n"
        "os.write(1, struct.pack('>4f', *facts))"
    )
    np.testing.assert_array_equal(read(any_file), np.ones((4, 1)))


def test_frames_are_whole_however_the_bytes_arrive(decoder: Decoder, any_file: Path) -> None:
    decoder("for byte in struct.pack('>3f', 1, 2, 3): os.write(1, bytes([byte]))")
    np.testing.assert_array_equal(read(any_file), [[1.0], [2.0], [3.0]])


@pytest.mark.parametrize(
    "script",
    [
        "time.sleep(60)",
        "while True: os.write(1, bytes(1000)); time.sleep(0.01)",
        "os.close(1); os.close(2); time.sleep(60)",
    ],
    ids=["says nothing", "never ends", "closes its pipes and stays"],
)
def test_it_is_killed_when_the_time_is_up(
    script: str, decoder: Decoder, any_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    original = subprocess.Popen.__init__

    def recorded(self: subprocess.Popen[bytes], *arguments: Any, **options: Any) -> None:
        started.append(self)
        original(self, *arguments, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", recorded)
    decoder(script)
    begin = time.monotonic()
    with pytest.raises(InvalidAudioError, match="too long"):
        read(any_file, timeout_seconds=0.3)
    assert time.monotonic() - begin < 10
    assert started[0].returncode is not None


def test_too_much_memory_ends_in_an_error(decoder: Decoder, any_file: Path) -> None:
    decoder("hoard = bytearray(1 << 31)")
    with pytest.raises(InvalidAudioError, match="cannot be decoded"):
        read(any_file)


def test_what_it_complains_of_stays_with_us(
    decoder: Decoder, any_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    decoder("os.write(2, b'0x55d: Invalid NAL ' * 100_000); sys.exit(1)")
    with pytest.raises(InvalidAudioError) as caught:
        read(any_file)
    assert "NAL" not in caught.value.message
    assert capfd.readouterr() == ("", "")


def test_it_opens_no_other_file(tmp_path: Path) -> None:
    """A playlist is refused at the door; past it, the protocol list keeps ffmpeg from the file it names."""
    sound = GOOD["mp3"].make(tmp_path)
    playlist = tmp_path / "list.m3u8"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:{sound}\n#EXT-X-ENDLIST\n")
    with pytest.raises(InvalidAudioError):
        read(playlist, "hls")


def test_a_system_ffmpeg_is_used_when_it_can_read_a_descriptor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = tmp_path / "ffmpeg"
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for protocols, chosen in (("fd file", True), ("file pipe", False)):
        system.write_text(f"#!/bin/sh\necho {protocols}\n")
        system.chmod(0o755)
        sandbox.find_ffmpeg.cache_clear()
        assert (sandbox.find_ffmpeg() == str(system)) is chosen
    sandbox.find_ffmpeg.cache_clear()


def test_without_any_ffmpeg_the_error_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        raise RuntimeError("no binary")

    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    monkeypatch.setattr(sandbox.imageio_ffmpeg, "get_ffmpeg_exe", missing)
    sandbox.find_ffmpeg.cache_clear()
    with pytest.raises(AutoVoiceError) as caught:
        sandbox.find_ffmpeg()
    assert "Install ffmpeg" in caught.value.suggestions[0]
    sandbox.find_ffmpeg.cache_clear()
