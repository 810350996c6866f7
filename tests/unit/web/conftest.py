"""Fixtures of the tests of the web application."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from web_house import WebHouse


@pytest.fixture
def house(tmp_path: Path) -> Iterator[WebHouse]:
    """A service as it runs on one's own machine: no keys."""
    house = WebHouse(tmp_path / "house")
    yield house
    house.services.database.dispose()


@pytest.fixture
def locked_house(tmp_path: Path) -> Iterator[WebHouse]:
    """A service that wants keys."""
    house = WebHouse(tmp_path / "house", security__api_key_required="true")
    yield house
    house.services.database.dispose()
