"""docs/configuration.md is what the declarations say, and every setting is explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from auto_voice.config import SettingsError, load_settings
from auto_voice.config.reference import reference
from auto_voice.config.schema import Leaf, schema

REPOSITORY = Path(__file__).parents[2]
LEAVES = list(schema().leaves.values())


def test_the_reference_is_up_to_date() -> None:
    written = (REPOSITORY / "docs/configuration.md").read_text("utf-8")
    assert written == reference() + "\n", "run: autovoice config reference > docs/configuration.md"


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.name)
def test_every_setting_is_explained(leaf: Leaf) -> None:
    row = next(line for line in reference().splitlines() if f"`{leaf.variable}`" in line)
    _, name, kind, _, default, meaning, _, _ = (cell.strip() for cell in row.replace(r"\|", "¦").split("|"))

    assert name == f"`{leaf.key[-1]}`"
    assert kind
    assert default
    assert "PydanticUndefined" not in default
    assert meaning.endswith(".")


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.name)
def test_every_variable_of_the_reference_is_known(leaf: Leaf) -> None:
    """The value itself may be refused; the name may not be unknown."""
    try:
        load_settings(environment={leaf.variable: "1"})
    except SettingsError as error:
        assert "unknown" not in str(error)


def test_the_files_it_names_exist() -> None:
    for path in (REPOSITORY / "config").glob("*.yaml"):
        assert f"`config/{path.name}`" in reference()
