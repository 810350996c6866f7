"""The log says what a line belongs to, keeps secrets out, and never stands in the way of the service."""

from __future__ import annotations

import contextlib
import json
import logging
import logging.config
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from auto_voice.config import Settings, load_settings
from auto_voice.errors import ConfigurationError
from auto_voice.monitoring.context import log_context
from auto_voice.monitoring.logs import configure_logging

REPOSITORY = Path(__file__).parents[3]
LOG = logging.getLogger("auto_voice.test")


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """The log of the tests themselves is put back."""
    loggers = [logging.getLogger(name) for name in (None, "auto_voice", "werkzeug")]
    before = [(each.handlers[:], each.level, each.propagate) for each in loggers]
    yield
    logging.captureWarnings(False)
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        for handler in set(logger.handlers) - set(handlers):
            with contextlib.suppress(OSError):  # its disk is full
                handler.close()
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)


def chosen(**values: object) -> Settings:
    return load_settings(
        environment={f"AUTOVOICE__LOGGING__{name.upper()}": str(value) for name, value in values.items()}
    )


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_json_lines_carry_the_fields_of_the_runbooks_analysis(tmp_path: Path) -> None:
    configure_logging(chosen(format="json", file=tmp_path / "app.log"), "web")
    with log_context(request_id="r-1", job_id="conv-1"):
        LOG.info("answered", extra={"endpoint": "health", "processing_time": 0.25})
    LOG.error("bad")

    first, second = lines(tmp_path / "app.log")
    assert (first["levelname"], first["name"], first["component"]) == ("INFO", "auto_voice.test", "web")
    assert (first["endpoint"], first["processing_time"]) == ("health", 0.25)
    assert (first["request_id"], first["job_id"]) == ("r-1", "conv-1")
    assert "request_id" not in second
    assert [line["message"] for line in lines(tmp_path / "error.log")] == ["bad"]


def test_text_for_people_names_what_a_line_belongs_to(tmp_path: Path) -> None:
    configure_logging(chosen(file=tmp_path / "app.log"), "worker")
    with log_context(job_id="conv-1"):
        LOG.warning("slow")

    assert (tmp_path / "app.log").read_text().endswith("auto_voice.test: slow component=worker job_id=conv-1\n")


def test_keys_and_private_texts_stay_out_even_of_tracebacks(tmp_path: Path) -> None:
    configure_logging(chosen(format="json", file=tmp_path / "app.log"), "web")
    key = "av_0123456789abcdef_Secret-Part_of-it"
    with log_context("Mein Lied.mp3", None, ""):
        LOG.info("%s sent %s", key, "Mein Lied.mp3")
        try:
            raise ValueError("cannot read Mein Lied.mp3; Authorization: Bearer abc.def")
        except ValueError:
            LOG.exception("refused")
    LOG.info("redis://user:password@host/0")

    text = (tmp_path / "app.log").read_text("utf-8")
    for secret in ("Secret-Part", "Mein Lied", "abc.def", "password"):
        assert secret not in text
    assert "av_0123456789abcdef_" in text, "the public part says which key it was"
    assert "ValueError: cannot read" in text


def test_an_unwritable_file_leaves_the_console_and_one_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    configure_logging(chosen(file=tmp_path / "file" / "app.log"), "web")
    LOG.info("still here")

    [warning, line] = capsys.readouterr().err.splitlines()
    assert "logging to the console only" in warning
    assert "still here" in line


FULL = """
version: 1
handlers:
  console: {class: logging.StreamHandler, stream: ext://sys.stdout}
  file: {class: logging.FileHandler, filename: /dev/full}
root: {level: INFO, handlers: [console, file]}
"""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_told_once_and_the_console_has_every_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(FULL)
    configure_logging(chosen(config_file=file), "web")
    for number in range(50):
        LOG.info("line %d", number)

    said = capsys.readouterr()
    assert said.out.splitlines() == [f"line {number}" for number in range(50)]
    [complaint] = said.err.splitlines()
    assert complaint == "lines are missing from the log: [Errno 28] No space left on device"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_console_that_takes_nothing_more_ends_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w", buffering=1) as console:
        monkeypatch.setattr("sys.stderr", console)
        configure_logging(chosen(), "web")
        LOG.info("a line")
        # What could not be written stays in the buffer; closing the file must not try again.
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            console.close()


def test_configured_again_it_follows_the_settings(tmp_path: Path) -> None:
    configure_logging(chosen(format="json", file=tmp_path / "first.log"), "web")
    configure_logging(chosen(format="json", file=tmp_path / "second.log", level="WARNING"), "web")
    LOG.info("not kept")
    LOG.warning("kept")

    assert lines(tmp_path / "first.log") == []
    assert [line["message"] for line in lines(tmp_path / "second.log")] == ["kept"]


def shipped(tmp_path: Path) -> Path:
    """config/logging.yaml, writing into the test's folder."""
    text = (REPOSITORY / "config" / "logging.yaml").read_text("utf-8")
    file = tmp_path / "logging.yaml"
    file.write_text(text.replace("/var/log/autovoice", str(tmp_path / "log")))
    return file


def test_the_shipped_file_loads_and_fills_both_logs(tmp_path: Path) -> None:
    configure_logging(chosen(config_file=shipped(tmp_path)), "web")
    LOG.debug("ours")
    logging.getLogger("elsewhere").error("theirs")

    assert [line["message"] for line in lines(tmp_path / "log" / "app.log")] == ["ours", "theirs"]
    assert [line["message"] for line in lines(tmp_path / "log" / "error.log")] == ["theirs"]


def test_the_shipped_file_works_where_its_folder_cannot_be_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log").write_text("")
    configure_logging(chosen(config_file=shipped(tmp_path)), "web")
    LOG.error("still here")

    shown = [json.loads(line)["message"] for line in capsys.readouterr().out.splitlines()]
    assert len(shown) == 2
    assert "console only" in shown[0]
    assert shown[1] == "still here"


@pytest.mark.parametrize(
    "document",
    ["[]", "version: 1\nhandlers: {console: {class: no.such.Class}}\nroot: {handlers: [console]}", "version: 1: 2"],
)
def test_a_logging_file_that_is_none_is_an_error_that_names_it(tmp_path: Path, document: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(document)
    with pytest.raises(ConfigurationError, match=r"mine\.yaml"):
        configure_logging(chosen(config_file=file), "web")


WRITER = """
import logging, sys
from pathlib import Path
from auto_voice.config import load_settings
from auto_voice.monitoring.logs import configure_logging

configure_logging(load_settings(), "web")
for number in range(200):
    logging.getLogger("auto_voice.test").info("%s %03d %s", sys.argv[1], number, "x" * 100)
"""


def test_several_processes_write_one_file_and_lose_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files, so that each process turns them over under the others' feet."""
    for name, value in {
        "FORMAT": "json",
        "FILE": tmp_path / "app.log",
        "MAX_BYTES": 20_000,
        "BACKUP_COUNT": 50,
    }.items():
        monkeypatch.setenv(f"AUTOVOICE__LOGGING__{name}", str(value))
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, name], stderr=subprocess.DEVNULL) for name in ("a", "b", "c")
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]

    files = list(tmp_path.glob("app.log*"))
    assert len(files) > 3
    found = [line["message"][:5] for file in files for line in lines(file)]
    assert sorted(found) == sorted(f"{name} {number:03d}" for name in "abc" for number in range(200))


def test_no_handler_of_ours_is_for_one_process_only() -> None:
    document = yaml.safe_load((REPOSITORY / "config" / "logging.yaml").read_text("utf-8"))
    classes = {handler["class"] for handler in document["handlers"].values() if "filename" in handler}
    assert classes == {"concurrent_log_handler.ConcurrentRotatingFileHandler"}
