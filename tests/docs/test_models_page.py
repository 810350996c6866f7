"""docs/models.md and the README list the catalogue's models as they are."""

from __future__ import annotations

from auto_voice.models.catalogue import load_catalogue
from documents import ROOT, table_rows


def test_the_page_lists_every_model_with_its_licence_and_whether_it_comes_by_default() -> None:
    rows = {row[0].strip("`"): row[2:] for row in table_rows(ROOT / "docs" / "models.md") if row[0] != "id"}
    assert rows == {entry.id: ["yes" if entry.embedded else "no", entry.licence] for entry in load_catalogue().values()}


def test_the_readme_says_how_much_is_fetched() -> None:
    megabytes = sum(entry.size_bytes for entry in load_catalogue().values() if entry.embedded) / 1e6
    assert f"about {round(megabytes, -1):.0f} MB" in (ROOT / "README.md").read_text("utf-8")
