"""The tree of settings as data: which sections and keys there are. For loading, showing and the reference."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import NoneType
from typing import Any, get_args

from pydantic.fields import FieldInfo

from auto_voice.config.fields import File, Folder, Section
from auto_voice.config.problems import Key, dotted, nearest
from auto_voice.config.settings import Settings

# Keys that may also be written elsewhere (decision of the runbook's tuning fragment), and where they belong.
ALIASES: dict[Key, Key] = {("cache", "max_cache_size_gb"): ("storage", "max_cache_size_gb")}


@dataclass(frozen=True)
class Leaf:
    """One setting: its declaration and its default (PydanticUndefined where a factory makes it)."""

    key: Key
    field: FieldInfo
    default: Any

    @property
    def name(self) -> str:
        """`section.key`."""
        return dotted(self.key)

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return "__".join(("AUTOVOICE", *self.key)).upper()

    @property
    def is_text(self) -> bool:
        """Whether only text makes sense here, so that a variable's text is taken as it stands."""
        kinds = set(get_args(self.field.annotation)) or {self.field.annotation}
        return kinds <= {NoneType, str, Path, Folder, File}

    def extra(self, name: str) -> Any:
        """What `fields.setting` noted: unit, shown or secret."""
        extra = self.field.json_schema_extra
        return extra.get(name) if isinstance(extra, dict) else None


@dataclass(frozen=True)
class Schema:
    """All sections (the root is the empty key) and all settings."""

    sections: dict[Key, type[Section]]
    leaves: dict[Key, Leaf]

    def explain_unknown(self, key: Key) -> str:
        """Why `key` is not a setting, and which one may have been meant."""
        *parents, word = key
        while tuple(parents) not in self.sections:
            *parents, word = parents
        siblings = list(self.sections[tuple(parents)].model_fields)
        elsewhere = [leaf.name for leaf in self.leaves.values() if leaf.key[-1] == word]
        what = "unknown key" if parents else "unknown section"
        near = nearest(word, siblings)
        if not near and elsewhere:
            near = f"; did you mean {elsewhere[0]!r}?"
        if near:
            return f"{what} {word!r}{near}"
        listed = f"keys of {dotted(parents)}" if parents else "sections"
        return f"{what} {word!r}; {listed}: {', '.join(siblings)}"


@lru_cache(maxsize=1)
def schema() -> Schema:
    """The tree of Settings."""
    sections: dict[Key, type[Section]] = {}
    leaves: dict[Key, Leaf] = {}

    def walk(section: type[Section], key: Key, defaults: Section | None) -> None:
        sections[key] = section
        for name, field in section.model_fields.items():
            place = (*key, name)
            default = getattr(defaults, name) if defaults is not None else field.default
            if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
                walk(field.annotation, place, default if isinstance(default, Section) else None)
            else:
                leaves[place] = Leaf(place, field, default)

    walk(Settings, (), None)
    return Schema(sections, leaves)
