"""The service answers as its OpenAPI document says, whatever it is asked: requests made up from that document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema

from service import Service, running_service

Operation = APIOperation[Any, Any, Any, Any]
Ids = dict[str, str]

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
MADE_UP: Ids = {}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("contract"), {"limits.max_queue_size": 100_000}) as service:
        yield service


@pytest.fixture(scope="module")
def api(service: Service) -> OpenApiSchema:
    return schemathesis.openapi.from_url(f"{service.url}/openapi.json")


@pytest.fixture
def real_ids(service: Service) -> Ids:
    """What is there: a voice, and a conversion that has ended with files."""
    profile = service.profile()
    job = service.wait_for(service.submit_song(profile).job_id)
    assert job.state == "completed", job.error
    return {"profile_id": profile.profile_id, "conversion_id": job.job_id, "file": "converted.wav", "model": "tts-1"}


def test_the_document_is_openapi_3_1(api: OpenApiSchema) -> None:
    assert api.raw_schema["openapi"].startswith("3.1")


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fitting", "unfitting"])
def test_every_answer_is_documented(api: OpenApiSchema, mode: GenerationMode) -> None:
    assert problems(api, mode, MADE_UP) == []


def test_so_is_every_answer_about_what_is_there(api: OpenApiSchema, real_ids: Ids) -> None:
    assert problems(api, GenerationMode.POSITIVE, real_ids) == []


def problems(api: OpenApiSchema, mode: GenerationMode, ids: Ids) -> list[str]:
    """For each operation with a bad answer: what is wrong with it, and the request that brings it."""
    found = ((each.label, first_problem(each, mode, ids)) for each in operations(api))
    return [f"{label}: {problem}" for label, problem in found if problem]


def operations(api: OpenApiSchema) -> list[Operation]:
    """All of them, those that delete last."""
    return sorted((result.ok() for result in api.get_all_operations()), key=lambda each: each.method == "delete")


def first_problem(operation: Operation, mode: GenerationMode, ids: Ids) -> str:
    @settings(max_examples=8, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case) -> None:
        case.path_parameters |= {name: value for name, value in ids.items() if name in case.path_parameters}
        case.call_and_validate(checks=CHECKS, timeout=60)

    try:
        ask()
    except (FailureGroup, Failure) as error:
        return "\n".join([str(error), *(str(each) for each in getattr(error, "exceptions", ()))])
    except Unsatisfiable:
        return ""  # it takes nothing, so nothing can be unfitting
    return ""
