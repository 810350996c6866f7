"""Forms take what the client sent, and guess nothing."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from flask_openapi3 import FileStorage, OpenAPI
from pydantic import AliasChoices, Field
from werkzeug.datastructures import MultiDict

from auto_voice.errors import InvalidParametersError
from auto_voice.web.forms import Form


class Example(Form):
    sound: FileStorage | None = Field(None, validation_alias=AliasChoices("sound", "noise"))
    parts: list[FileStorage] = Field(default_factory=list)
    name: str = Field("", validation_alias=AliasChoices("name", "title"))
    loud: bool = False


@contextmanager
def received(*fields: tuple[str, Any]) -> Iterator[Example]:
    with Flask(__name__).test_request_context(method="POST", data=MultiDict(fields)):
        yield Example.model_validate({})


def file(content: bytes = b"x") -> tuple[io.BytesIO, str]:
    return io.BytesIO(content), "x.wav"


@pytest.mark.parametrize("text", ["007", "null", "true", ""])
def test_text_stays_text(text: str) -> None:
    with received(("name", text)) as form:
        assert form.name == text


def test_a_field_may_come_under_each_of_its_names() -> None:
    with received(("title", "a song"), ("noise", file(b"hiss"))) as form:
        assert form.name == "a song"
        assert form.sound is not None
        assert form.sound.read() == b"hiss"


def test_a_list_takes_several() -> None:
    with received(("parts", file(b"1")), ("parts", file(b"2"))) as form:
        assert [each.read() for each in form.parts] == [b"1", b"2"]


def test_unknown_fields_are_left_alone() -> None:
    with received(("colour", "red"), ("_as_sent", "1")) as form:
        assert form == Example()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ([("name", "a"), ("name", "b")], "name is given 2 times"),
        ([("name", "a"), ("title", "a")], "name and title mean the same"),
        ([("sound", file()), ("sound", file())], "sound is given 2 times"),
        ([("sound", file()), ("noise", file())], "sound and noise mean the same"),
        ([("sound", "text")], "sound must be a file"),
        ([("name", file())], "name must be a text"),
    ],
)
def test_what_is_not_clear_is_refused(fields: list[tuple[str, Any]], says: str) -> None:
    with pytest.raises(InvalidParametersError, match=says), received(*fields):
        pass


@pytest.mark.parametrize("text", ["9" * 5000, "[" * 100_000])
def test_text_is_never_taken_for_anything_else(text: str) -> None:
    app = OpenAPI("forms", doc_ui=False)

    @app.post("/")
    def told(form: Example) -> str:
        return form.name

    assert app.test_client().post("/", data={"name": text}).text == text
