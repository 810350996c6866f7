"""The API's description, and the page to read it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from auto_voice import __version__
from auto_voice.web import auth
from web_house import WebHouse

METHODS = {"get", "post", "put", "delete", "patch"}
UNDESCRIBED = re.compile(r"^/(static/.*|docs(/.*)?|openapi\.json|ws/.*)?$")


@pytest.fixture
def described(house: WebHouse) -> dict[str, Any]:
    document = house.client.get("/openapi.json").json
    assert document is not None
    return document


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


def test_it_says_what_it_is(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1")
    assert (described["info"]["title"], described["info"]["version"]) == ("AutoVoice", __version__)
    assert set(described["components"]["securitySchemes"]) == {"ApiKey", "Bearer"}


def test_every_route_is_described(house: WebHouse, described: dict[str, Any]) -> None:
    routes = {
        (re.sub(r"<(?:[^<:>]+:)?([^<>]+)>", r"{\1}", rule.rule), method.lower())
        for rule in house.app.url_map.iter_rules()
        for method in rule.methods or ()
        if method.lower() in METHODS and not UNDESCRIBED.match(rule.rule)
    }
    assert {(path, method) for path, method, _ in operations(described)} == routes


def test_every_route_but_the_open_ones_wants_a_key(described: dict[str, Any]) -> None:
    for path, _, operation in operations(described):
        assert operation["security"] == ([] if auth.is_open(path) else [{"ApiKey": []}, {"Bearer": []}]), path


def test_every_route_says_how_it_may_fail_with_the_one_error_document(described: dict[str, Any]) -> None:
    for path, _, operation in operations(described):
        for status in ("400", "401", "403", "404", "429", "500"):
            schema = operation["responses"][status]["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/ErrorBody"}, (path, status)
    assert set(described["components"]["schemas"]["ErrorBody"]["required"]) == {"error", "code", "message", "details"}


def test_every_operation_has_a_name_of_its_own_and_every_reference_an_end(described: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(described)]
    assert len(names) == len(set(names))
    references = set(re.findall(r"#/components/schemas/([\w.-]+)", str(described)))
    assert references <= set(described["components"]["schemas"])


def test_the_page_to_read_it_needs_no_other_server_and_no_inline_script(house: WebHouse) -> None:
    page = house.client.get("/docs").text
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert addresses and all(each.startswith("/") for each in addresses)
    assert {each: house.client.get(each).status_code for each in addresses} == dict.fromkeys(addresses, 200)
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|<style|\sstyle=", page)
    assert "validatorUrl: null" in house.client.get("/static/docs.js").text
