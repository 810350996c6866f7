"""The base of every form model: fields are what the client sent, not what JSON would make of them."""

from __future__ import annotations

from typing import Any

from flask import has_request_context, request
from pydantic import BaseModel, ConfigDict, model_validator


class Form(BaseModel):
    """A multipart form or a URL-encoded one; files are fields of type `FileStorage`.

    The OpenAPI library hands form values over decoded as JSON, which turns a name "007" into the number 7 and
    refuses it; here they are read anew, as text. A field that may come under several names declares
    `validation_alias=AliasChoices(...)`.
    """

    model_config = ConfigDict(extra="ignore", arbitrary_types_allowed=True, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _as_sent(cls, given: Any) -> Any:
        if not has_request_context():
            return given
        fields: dict[str, Any] = {}
        for source in (request.form, request.files):
            for name, values in source.lists():
                fields[name] = values if _is_list(cls, name) else values[0]
        return fields


def _is_list(model: type[BaseModel], name: str) -> bool:
    """Whether the model takes several values under that name."""
    for field_name, field in model.model_fields.items():
        aliases = getattr(field.validation_alias, "choices", None) or [field.validation_alias or field_name]
        if name == field_name or name in aliases:
            return "list" in str(field.annotation)
    return False
