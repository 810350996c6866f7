"""Every request has an id and one line in the log."""

from __future__ import annotations

import logging
import re

import pytest

from auto_voice.errors import StorageError
from auto_voice.jobs.job import new_job_id
from auto_voice.monitoring.context import current_request_id
from auto_voice.web import request_log
from web_house import WebHouse

STATUS = "/api/v1/convert/status/<conversion_id>"


def lines(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "auto_voice.web.request_log"]


@pytest.mark.parametrize("sent", ["trace-17", "a", "0af7651916cd43dd8448eb211c80319c", "A.b_c-d", "x" * 64])
def test_a_sane_id_is_kept(house: WebHouse, sent: str) -> None:
    assert house.client.get("/health", headers={"X-Request-ID": sent}).headers["X-Request-ID"] == sent


@pytest.mark.parametrize("sent", ["", "x" * 65, "a b", "<script>", 'a"b', "é", "-x", "../x", "a;b"])
def test_any_other_is_replaced(house: WebHouse, sent: str) -> None:
    given = house.client.get("/health", headers={"X-Request-ID": sent}).headers["X-Request-ID"]
    assert re.fullmatch(r"[0-9a-f]{32}", given)


@pytest.mark.parametrize("path", ["/nothing", "/api/v1/convert/status/x", "/api/v1/convert/song"])
def test_errors_have_one_too(house: WebHouse, path: str) -> None:
    assert house.client.get(path, headers={"X-Request-ID": "trace-18"}).headers["X-Request-ID"] == "trace-18"


def test_the_line_names_route_result_time_and_id(house: WebHouse, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        house.client.get(f"/api/v1/convert/status/{new_job_id()}", headers={"X-Request-ID": "trace-19"})
    [line] = lines(caplog)
    fields = vars(line)
    assert (fields["endpoint"], fields["method"], fields["status"]) == (STATUS, "GET", 404)
    assert fields["request_id"] == "trace-19"
    assert 0 < fields["processing_time"] < 60


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/convert/jobs?user_id=private-name",
        "/private-name",
        "/api/v1/convert/download/conv-x/private-name.wav",
        "/api/v1/voice/profiles/private-name",
        "/ws/conversion/x?ticket=private-name",
    ],
)
def test_the_line_holds_nothing_that_a_client_wrote(
    house: WebHouse, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    with caplog.at_level(logging.DEBUG, "auto_voice"):
        house.client.get(path, headers={"X-API-Key": "av_private-name", "User-Agent": "private-name"})
    assert len(lines(caplog)) == 1
    assert not [record for record in caplog.records if "private-name" in str(vars(record))]


def test_what_machines_ask_all_day_is_for_debugging_only(house: WebHouse, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "auto_voice"):
        for path in ("/health", "/ready", "/metrics", "/static/page.js"):
            house.client.get(path)
        house.client.get("/api/v1/convert/jobs")
    assert [record.levelname for record in lines(caplog)] == ["DEBUG"] * 4 + ["INFO"]


def test_what_is_logged_meanwhile_belongs_to_the_request(house: WebHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def failing(*given: object, **more: object) -> None:
        seen.append((current_request_id(), request_log.request_id()))
        raise StorageError("the disk is gone")

    monkeypatch.setattr(house.services.jobs, "count", failing)
    answer = house.client.get("/api/v1/convert/jobs", headers={"X-Request-ID": "trace-20"})
    assert answer.status_code == 503
    assert seen == [("trace-20", "trace-20")]
    assert current_request_id() is None
