"""The base of every form model: fields are what the client sent, not what JSON would make of them."""

from __future__ import annotations

from typing import Any

import flask_openapi3.request
from flask import has_request_context, request
from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.fields import FieldInfo

from auto_voice.errors import InvalidParametersError


class Form(BaseModel):
    """A multipart form or a URL-encoded one; files are fields of type `FileStorage`.

    A field that may come under several names declares `validation_alias=AliasChoices(...)`. What is given twice,
    under one name or under two, is refused rather than guessed, unless the model takes a list.
    """

    model_config = ConfigDict(extra="ignore", arbitrary_types_allowed=True, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _as_sent(cls, given: Any) -> Any:
        if not has_request_context():
            return given
        fields: dict[str, Any] = {}
        for field_name, field in cls.model_fields.items():
            fields.update(_sent(field_name, field))
        return fields


def _sent(field_name: str, field: FieldInfo) -> dict[str, Any]:
    """What the request gives for a field, under the name that it gives.

    Raises:
        InvalidParametersError: too much, a text where a file belongs, or a file where a text belongs.
    """
    annotation = str(field.annotation)
    is_file, is_list = "FileStorage" in annotation, "list" in annotation
    choices = getattr(field.validation_alias, "choices", None) or [field.validation_alias or field_name]
    names = dict.fromkeys([field_name, *map(str, choices)])
    right, wrong = (request.files, request.form) if is_file else (request.form, request.files)
    for name in names:
        if name in wrong:
            raise InvalidParametersError(f"{name} must be {'a file' if is_file else 'a text, not a file'}")
    sent = {name: right.getlist(name) for name in names if name in right}
    if len(sent) > 1:
        raise InvalidParametersError(f"{' and '.join(sent)} mean the same; give one of them")
    for name, values in sent.items():
        if len(values) > 1 and not is_list:
            raise InvalidParametersError(f"{name} is given {len(values)} times; give it once")
    return {name: values if is_list else values[0] for name, values in sent.items()}


def _read(form: type[BaseModel], func_kwargs: dict[Any, Any]) -> None:
    func_kwargs["form"] = form.model_validate({})


# The OpenAPI library would decode every value as JSON first, which makes a number of the name "007" and an error of
# five thousand digits, and it leaves no other way to say no.
flask_openapi3.request._validate_form = _read
