"""How settings are declared: their kinds, and what each declaration says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict

# A number is a number: `true`, "5" and 1.5 are not whole numbers, whatever Python or YAML would make of them.
Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]
Switch = Annotated[bool, Strict()]


class Section(BaseModel):
    """A group of settings: no unknown keys, never changed after it is made."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def setting(
    meaning: str, default: Any = ..., *, unit: str = "", shown: str = "", secret: bool = False, **rules: Any
) -> Any:
    """A field with its meaning and unit.

    Args:
        meaning: a sentence or two for the reference.
        default: the value where nobody gives one.
        unit: what a number counts.
        shown: how the reference words a default that depends on the machine.
        secret: the value may hold a password; it is never printed.
        rules: pydantic's constraints (ge, le, pattern, default_factory ...).
    """
    extra: dict[str, Any] = {"unit": unit, "shown": shown, "secret": secret}
    if "default_factory" not in rules:
        rules["default"] = default
    return Field(description=meaning, json_schema_extra=extra, **rules)


def _absolute(path: Path) -> Path:
    """Absolute, with ~ expanded, so that it means the same wherever the process runs."""
    text = str(path)
    if not text.strip() or "\0" in text or text == ".":
        raise ValueError("should be a path")
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(str(error)) from error


def not_empty(items: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse an empty list."""
    if not items:
        raise ValueError("should name at least one")
    return items


Folder = Annotated[Path, AfterValidator(_absolute)]
File = Annotated[Path, AfterValidator(_absolute), "a file"]
