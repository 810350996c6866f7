"""Models as one file: there and back, and bundles that are not to be believed."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from auto_voice.errors import ModelLoadError
from auto_voice.models.bundle import export_bundle, import_bundle
from auto_voice.models.fetch import fetch
from auto_voice.models.install import verify
from model_carriers import entry_of

CONTENTS = {"a.bin": b"first file", "b.bin": b"second"}
ENTRY = entry_of(CONTENTS)
OTHER = entry_of({"c.bin": b"third"}, model_id="other")
KNOWN = {"tiny": ENTRY, "other": OTHER}


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A models folder with both models."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    for name, content in {**CONTENTS, "c.bin": b"third"}.items():
        (shelf / name).write_bytes(content)
    fetch([ENTRY, OTHER], tmp_path / "models", folders=[shelf])
    return tmp_path / "models"


def write_bundle(path: Path, members: Mapping[str, bytes | tarfile.TarInfo], models: object = ("tiny",)) -> Path:
    """A bundle by hand; `models` goes into the manifest."""
    with tarfile.open(path, "w") as tar:
        manifest = json.dumps({"format": 1, "models": models}).encode()
        for name, content in {"manifest.json": manifest, **members}.items():
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return path


def tiny(name: str) -> str:
    return f"tiny/{name}"


GOOD = {tiny(name): content for name, content in CONTENTS.items()}


def special(name: str, kind: bytes, goal: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, goal
    return info


def test_there_and_back(installed: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "models.tar"
    export_bundle([ENTRY, OTHER], installed, bundle)
    elsewhere = tmp_path / "elsewhere"
    assert import_bundle(bundle, elsewhere, catalogue=KNOWN) == ["tiny", "other"]
    assert verify(ENTRY, elsewhere) == verify(OTHER, elsewhere) == []
    assert import_bundle(bundle, elsewhere, catalogue=KNOWN) == []


def test_the_same_models_make_the_same_bundle(installed: Path, tmp_path: Path) -> None:
    for name in ("one.tar", "two.tar"):
        export_bundle([ENTRY], installed, tmp_path / name)
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_a_damaged_model_is_not_exported(installed: Path, tmp_path: Path) -> None:
    (installed / "tiny" / "a.bin").write_bytes(b"FIRST FILE")
    with pytest.raises(ModelLoadError, match=r"a\.bin is damaged"):
        export_bundle([ENTRY], installed, tmp_path / "models.tar")
    assert not (tmp_path / "models.tar").exists()


@pytest.mark.parametrize(
    ("members", "models", "reason"),
    [
        pytest.param({"../evil": b"x"}, ["tiny"], r"holds '\.\./evil'", id="path upwards"),
        pytest.param({"/etc/evil": b"x"}, ["tiny"], "no file of the catalogue", id="absolute path"),
        pytest.param({"tiny/../../evil": b"x"}, ["tiny"], "no file of the catalogue", id="hidden path upwards"),
        pytest.param({"tiny/extra.py": b"x"}, ["tiny"], "no file of the catalogue", id="extra file"),
        pytest.param(
            {"x": special("tiny/a.bin", tarfile.SYMTYPE, "/etc/passwd")},
            ["tiny"],
            "no regular file",
            id="symlink",
        ),
        pytest.param(
            {"x": special("tiny/a.bin", tarfile.LNKTYPE, "/etc/passwd")},
            ["tiny"],
            "no regular file",
            id="hard link",
        ),
        pytest.param({"x": special("tiny/a.bin", tarfile.FIFOTYPE)}, ["tiny"], "no regular file", id="pipe"),
        pytest.param({tiny("a.bin"): b"short"}, ["tiny"], "5 bytes instead of 10", id="wrong size"),
        pytest.param(GOOD | {tiny("a.bin"): b"FIRST FILE"}, ["tiny"], "checksum is wrong", id="wrong bytes"),
        pytest.param({tiny("a.bin"): CONTENTS["a.bin"]}, ["tiny"], r"there is no b\.bin", id="incomplete"),
        pytest.param(GOOD, ["tiny", "gpt"], "knows no model gpt", id="unknown model"),
        pytest.param(GOOD, ["other"], "tiny is not in its manifest", id="unlisted model"),
        pytest.param(GOOD, 7, "manifest.json cannot be read", id="bad manifest"),
    ],
)
def test_a_bundle_with_anything_else_in_it_installs_nothing(
    members: Mapping[str, bytes | tarfile.TarInfo], models: object, reason: str, tmp_path: Path
) -> None:
    bundle = write_bundle(tmp_path / "bundle.tar", members, models)
    with pytest.raises(ModelLoadError, match=reason):
        import_bundle(bundle, tmp_path / "models", catalogue=KNOWN)
    assert not (tmp_path / "models" / "tiny").exists()
    assert not (tmp_path / "evil").exists()


def test_a_member_twice_is_refused(tmp_path: Path) -> None:
    twice = tarfile.TarInfo(tiny("a.bin"))
    twice.size = 0
    bundle = tmp_path / "bundle.tar"
    with tarfile.open(write_bundle(bundle, GOOD), "a") as tar:
        info = tarfile.TarInfo(tiny("a.bin"))
        info.size = 10
        tar.addfile(info, io.BytesIO(b"FIRST FILE"))
    with pytest.raises(ModelLoadError, match="twice"):
        import_bundle(bundle, tmp_path / "models", catalogue=KNOWN)


@pytest.mark.parametrize("content", [b"", b"not a tar file", b"\0" * 2048], ids=["empty", "text", "zeros"])
def test_a_file_that_is_no_bundle_is_refused(content: bytes, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.tar"
    bundle.write_bytes(content)
    with pytest.raises(ModelLoadError, match="cannot be imported"):
        import_bundle(bundle, tmp_path / "models", catalogue=KNOWN)


def test_a_truncated_bundle_is_refused(installed: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "models.tar"
    export_bundle([ENTRY, OTHER], installed, bundle)
    bundle.write_bytes(bundle.read_bytes()[:2100])
    with pytest.raises(ModelLoadError, match="cannot be"):
        import_bundle(bundle, tmp_path / "elsewhere", catalogue=KNOWN)
    assert not (tmp_path / "elsewhere" / "tiny").exists()
