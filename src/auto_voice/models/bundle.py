"""Installed models as one file, for machines that reach no source: an uncompressed tar of published files.

`manifest.json` comes first, then `<model id>/<file name>`. Derived files are not in it: they are made again
where it is imported. What a bundle holds is believed only as far as the catalogue's checksums confirm it.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from auto_voice.atomic_file import atomic_write
from auto_voice.errors import ModelLoadError
from auto_voice.models.catalogue import ModelEntry, ModelFile, catalogue_version, load_catalogue
from auto_voice.models.fetch import FetchEvent, FetchProgress, ignore, install_all
from auto_voice.models.install import verify
from auto_voice.models.sources import Advance, SourceError, copy

MANIFEST = "manifest.json"
_MAX_MANIFEST_BYTES = 1 << 20


def export_bundle(
    entries: Sequence[ModelEntry], models_dir: Path, bundle: Path, *, progress: FetchProgress = ignore
) -> None:
    """Write installed models to the file `bundle`, atomically.

    Raises:
        ModelLoadError: a model is not installed, or damaged.
        StorageError: the file cannot be written.
    """
    for entry in entries:
        problems = verify(entry, models_dir)
        if problems:
            raise ModelLoadError(
                f"model {entry.id!r} cannot be exported: {'; '.join(problems)}",
                suggestions=[f"autovoice models fetch {entry.id}"],
            )
    manifest = {
        "format": 1,
        "catalogue": catalogue_version(),
        "models": {entry.id: {file.name: file.sha256 for file in entry.files} for entry in entries},
    }
    text = json.dumps(manifest, indent=1).encode()
    with (
        atomic_write(bundle) as output,
        tarfile.open(fileobj=output, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        tar.addfile(_member(MANIFEST, len(text)), io.BytesIO(text))
        for entry in entries:
            done = 0
            for file in entry.files:
                with (models_dir / entry.id / file.name).open("rb") as reader:
                    tar.addfile(_member(f"{entry.id}/{file.name}", file.size), reader)
                done += file.size
                progress(FetchEvent(model=entry.id, state="fetching", done=done, total=entry.size_bytes))
            progress(FetchEvent(model=entry.id, state="installed", done=done, total=done))


def import_bundle(
    bundle: Path,
    models_dir: Path,
    *,
    catalogue: Mapping[str, ModelEntry] | None = None,
    progress: FetchProgress = ignore,
    force: bool = False,
) -> list[str]:
    """Install every model of a bundle, each whole or not at all.

    Returns:
        Ids of the models that were not there before.

    Raises:
        ModelLoadError: it is no bundle, holds anything that is not in the catalogue (links, other paths,
            unknown models), or a checksum is wrong.
        StorageError: the models' folder cannot be written.
    """
    known = load_catalogue() if catalogue is None else catalogue
    ids = _inspect(bundle, known)
    return install_all(
        [known[model_id] for model_id in ids],
        models_dir,
        lambda entry: [_BundleSource(bundle, entry.id)],
        progress=progress,
        force=force,
    )


class _BundleSource:
    """Files of one model in a bundle that was inspected."""

    def __init__(self, bundle: Path, model_id: str) -> None:
        self._bundle = bundle
        self._model_id = model_id

    def __str__(self) -> str:
        return f"bundle {self._bundle}"

    def serves(self, file: ModelFile) -> bool:
        return file.name != MANIFEST

    def fetch(self, file: ModelFile, target: Path, advance: Advance) -> None:
        with tarfile.open(self._bundle, "r:") as tar:
            try:
                reader = tar.extractfile(f"{self._model_id}/{file.name}")
            except KeyError as error:
                raise SourceError(f"there is no {file.name}") from error
            if reader is None:
                raise SourceError(f"{file.name} is no regular file")
            with reader, target.open("wb") as writer:
                copy(reader, writer, limit=file.size, advance=advance)  # type: ignore[arg-type]


def _inspect(bundle: Path, known: Mapping[str, ModelEntry]) -> list[str]:
    """Ids of the models in the bundle; raises if there is anything in it that does not belong there."""
    sizes = {f"{entry.id}/{file.name}": file.size for entry in known.values() for file in entry.files}
    seen: set[str] = set()
    try:
        with tarfile.open(bundle, "r:") as tar:
            first = tar.next()
            if first is None or first.name != MANIFEST or not first.isreg() or first.size > _MAX_MANIFEST_BYTES:
                raise _refused(bundle, f"it does not begin with {MANIFEST}")
            content = tar.extractfile(first)
            ids = list(json.loads(content.read() if content else b"")["models"])
            for member in tar:
                if member is not first:
                    _check(bundle, member, sizes, seen)
    except (tarfile.TarError, EOFError) as error:
        raise _refused(bundle, f"it is damaged, or no tar file: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise _refused(bundle, f"its {MANIFEST} cannot be read") from error
    except OSError as error:
        raise _refused(bundle, str(error.strerror or error)) from error
    unknown = sorted({str(model_id) for model_id in ids} - set(known))
    if unknown:
        raise _refused(bundle, f"this version of AutoVoice knows no model {', '.join(unknown)}")
    outside = {name.partition("/")[0] for name in seen} - set(ids)
    if outside:
        raise _refused(bundle, f"{', '.join(sorted(outside))} is not in its {MANIFEST}")
    return list(dict.fromkeys(ids))


def _check(bundle: Path, member: tarfile.TarInfo, sizes: Mapping[str, int], seen: set[str]) -> None:
    # Only names of the catalogue pass, which rules out `..`, absolute paths and the like.
    if member.name not in sizes:
        raise _refused(bundle, f"it holds {member.name!r}, which is no file of the catalogue")
    if not member.isreg() or member.issparse():
        raise _refused(bundle, f"{member.name} is no regular file")
    if member.size != sizes[member.name]:
        raise _refused(bundle, f"{member.name} has {member.size} bytes instead of {sizes[member.name]}")
    if member.name in seen:
        raise _refused(bundle, f"{member.name} is in it twice")
    seen.add(member.name)


def _refused(bundle: Path, reason: str) -> ModelLoadError:
    return ModelLoadError(
        f"{bundle.name} cannot be imported: {reason}",
        suggestions=["a bundle is made with: autovoice models export BUNDLE"],
    )


def _member(name: str, size: int) -> tarfile.TarInfo:
    """A member without anything of this machine: no owner, no times."""
    info = tarfile.TarInfo(name)
    info.size = size
    return info
