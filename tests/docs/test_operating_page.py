"""docs/operating.md names every metric there is, and no setting or file that there isn't."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Metric

from auto_voice.config.schema import schema
from auto_voice.monitoring.metrics import Metrics
from auto_voice.web.facts import Facts
from auto_voice.web.metrics import FactCollector
from documents import ROOT, inline_code, table_rows

PAGE = ROOT / "docs" / "operating.md"
SETTINGS = {leaf.name for leaf in schema().leaves.values()}
SECTIONS = {name.split(".")[0] for name in SETTINGS}


class _Watch:
    def now(self) -> Facts:
        return Facts(taken_at=0.0, cache_bytes=0)


def registered() -> dict[str, tuple[str, set[str]]]:
    """Type and labels of every metric the service has, by the name it is shown under."""
    registry = CollectorRegistry()
    counted = Metrics(registry)
    labels = {each._name: set(each._labelnames) for each in vars(counted).values() if hasattr(each, "_labelnames")}
    facts: Any = FactCollector(_Watch())  # type: ignore[arg-type]
    found = [*registry.collect(), *facts.collect()]
    return {shown_name(each): (each.type, labels.get(each.name, sample_labels(each))) for each in found}


def shown_name(metric: Metric) -> str:
    return f"{metric.name}_total" if metric.type == "counter" else metric.name


def sample_labels(metric: Metric) -> set[str]:
    return {name for sample in metric.samples for name in sample.labels}


def documented() -> dict[str, tuple[str, set[str]]]:
    rows = [row for row in table_rows(PAGE) if row[0].startswith("`autovoice_")]
    return {row[0].strip("`"): (row[1], set(re.findall(r"`(\w+)`", row[2]))) for row in rows}


def test_every_metric_is_in_the_page_with_its_type_and_labels() -> None:
    assert documented() == registered()


def named_settings() -> list[str]:
    """What has the form of a setting: the name of a section, a dot, a name."""
    return sorted({each for each in inline_code(PAGE) if re.fullmatch(rf"({'|'.join(SECTIONS)})\.[a-z_]+", each)})


@pytest.mark.parametrize("name", named_settings())
def test_every_setting_named_is_one(name: str) -> None:
    assert name in SETTINGS


@pytest.mark.parametrize(
    "path", sorted({each for each in inline_code(PAGE) if re.match(r"(deploy|config|scripts)/\S+$", each)})
)
def test_every_file_named_is_there(path: str) -> None:
    assert Path(ROOT / path).exists()
