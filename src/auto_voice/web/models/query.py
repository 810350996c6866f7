"""What many requests share: for whom they are, and the base of models of a query."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, Field

from auto_voice.profiles.profile import MAXIMUM_NAME

UserId = Annotated[
    str | None,
    Field(
        description="Whose; only where no keys are needed, or for admins. Others are themselves.",
        min_length=1,
        max_length=MAXIMUM_NAME,
    ),
]


class Query(BaseModel):
    """The query of a request."""

    @classmethod
    def model_json_schema(cls, *options: Any, **named: Any) -> dict[str, Any]:
        """The JSON schema, made once: the OpenAPI library asks for it at every request."""
        return _schema(cls, options, tuple(named.items()))


@cache
def _schema(model: type[Query], options: tuple[Any, ...], named: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    return super(Query, model).model_json_schema(*options, **dict(named))


class UserQuery(Query):
    """Whose things are meant."""

    user_id: UserId = None
