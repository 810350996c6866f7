"""The checks of `autovoice doctor`. None of them changes anything but for a file written and removed again."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from auto_voice import __version__
from auto_voice.cli.session import current_session
from auto_voice.errors import AutoVoiceError, ConfigurationError

if TYPE_CHECKING:
    from auto_voice.config import Settings

SUPPORTED_PYTHON = ((3, 10), (3, 12))
WANTED_DISK_BYTES = 2 << 30
WANTED_MEMORY_BYTES = 3 << 30
_WANTED_FORMATS = {"WAV": "PCM_16", "FLAC": "PCM_24", "MP3": "MPEG_LAYER_III", "OGG": "OPUS"}


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        subject: what was looked at.
        state: "ok"; "note", worth knowing; or "problem", something does not work.
        detail: what was found.
        remedy: what to do about it.
    """

    subject: str
    state: Literal["ok", "note", "problem"]
    detail: str
    remedy: str = ""


def run_checks() -> Iterator[Finding]:
    """Every check, the quick ones first."""
    yield _python()
    yield _packages()
    yield from _sound_libraries()
    yield _memory()
    session = current_session()
    try:
        settings = session.settings
    except ConfigurationError as error:
        yield Finding("configuration", "problem", error.message, "; ".join(error.suggestions))
        return
    files = ", ".join(map(str, session.config_files)) or "defaults, no file given"
    yield Finding("configuration", "ok", files)
    yield from _folders(settings)
    yield from _models(settings)
    yield _processor(settings)


def _python() -> Finding:
    lowest, highest = SUPPORTED_PYTHON
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if lowest <= sys.version_info[:2] <= highest:
        return Finding("python", "ok", detail)
    return Finding("python", "problem", detail, "use Python 3.10, 3.11 or 3.12")


def _packages() -> Finding:
    """Every package that ours asks for, outside of its extras."""
    names = [
        re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
        for requirement in requires("auto-voice") or []
        if "extra ==" not in requirement and "python_version" not in requirement
    ]
    missing = []
    for name in names:
        try:
            version(name)
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding("packages", "problem", f"missing: {', '.join(missing)}", "pip install -r requirements.txt")
    return Finding("packages", "ok", f"auto-voice {__version__}, and all {len(names)} that it asks for")


def _sound_libraries() -> Iterator[Finding]:
    from auto_voice.audio.sandbox import find_ffmpeg

    try:
        import soundfile
    except (ImportError, OSError) as error:
        yield Finding("libsndfile", "problem", str(error), "pip install --force-reinstall soundfile")
    else:
        missing = [
            f"{major}/{subtype}"
            for major, subtype in _WANTED_FORMATS.items()
            if not soundfile.check_format(major, subtype)
        ]
        detail = f"{soundfile.__libsndfile_version__}; {', '.join(soundfile.available_formats())}"
        if missing:
            remedy = "pip install --force-reinstall soundfile"
            yield Finding("libsndfile", "problem", f"{detail}; not {', '.join(missing)}", remedy)
        else:
            yield Finding("libsndfile", "ok", detail)
    try:
        ffmpeg = find_ffmpeg()
        shown = subprocess.run([ffmpeg, "-version"], capture_output=True, text=True, timeout=20, check=True)
        yield Finding("ffmpeg", "ok", f"{shown.stdout.splitlines()[0].partition(' Copyright')[0]}, {ffmpeg}")
    except AutoVoiceError as error:
        yield Finding("ffmpeg", "problem", error.message, "; ".join(error.suggestions))
    except (OSError, subprocess.SubprocessError) as error:
        yield Finding("ffmpeg", "problem", str(error), "install ffmpeg, or reinstall imageio-ffmpeg")


def _memory() -> Finding:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    detail = f"{_gigabytes(total)} in all, {os.cpu_count()} processor cores"
    if total < WANTED_MEMORY_BYTES:
        remedy = f"long songs want {_gigabytes(WANTED_MEMORY_BYTES)}: convert shorter pieces"
        return Finding("memory", "note", detail, remedy)
    return Finding("memory", "ok", detail)


def _folders(settings: Settings) -> Iterator[Finding]:
    storage = settings.storage
    for name in ("data_dir", "voice_profiles_dir", "cache_dir", "temp_dir", "models_dir"):
        yield _folder(name, getattr(storage, name))


def _folder(name: str, folder: Path) -> Finding:
    """Whether files can be made in a folder, or in the nearest one above that is there."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
        free = shutil.disk_usage(there).free
    except OSError as error:
        remedy = f"make it writable, or set storage.{name} to another folder"
        return Finding(name, "problem", f"{folder}: {error.strerror}", remedy)
    detail = f"{folder}, {_gigabytes(free)} free" + ("" if there == folder else ", not made yet")
    if free < WANTED_DISK_BYTES:
        return Finding(name, "note", detail, "free some space, or lower storage.max_cache_size_gb")
    return Finding(name, "ok", detail)


def _models(settings: Settings) -> Iterator[Finding]:
    from auto_voice.models.catalogue import load_catalogue
    from auto_voice.models.install import is_installed

    for entry in load_catalogue().values():
        subject = f"model {entry.id}"
        if is_installed(entry, settings.storage.models_dir):
            yield Finding(subject, "ok", entry.purpose)
        else:
            state: Literal["note", "problem"] = "problem" if entry.embedded else "note"
            optional = "" if entry.embedded else " (optional)"
            remedy = f"autovoice models fetch {entry.id}"
            yield Finding(subject, state, f"not installed{optional}: {entry.purpose}", remedy)


def _processor(settings: Settings) -> Finding:
    """Where models run. Comes last: PyTorch takes its time to import."""
    try:
        import torch

        from auto_voice.models.runtime import ModelRuntime

        runtime = ModelRuntime(settings)
    except (ImportError, OSError) as error:
        return Finding("device", "problem", f"PyTorch cannot be imported: {error}", "pip install -r requirements.txt")
    except AutoVoiceError as error:
        return Finding("device", "problem", error.message, "; ".join(error.suggestions))
    if runtime.device == "cpu":
        note = "; ".join(event.what for event in runtime.events)
        return Finding("device", "note" if note else "ok", f"cpu, {torch.get_num_threads()} threads {note}".strip())
    properties = torch.cuda.get_device_properties(runtime.device)
    memory = _gigabytes(properties.total_memory)
    return Finding("device", "ok", f"{runtime.device}: {properties.name}, {memory}, CUDA {torch.version.cuda}")


def _gigabytes(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB"
