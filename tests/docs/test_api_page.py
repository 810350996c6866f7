"""docs/api.md tells of every route and of every error."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from auto_voice.config import Settings
from auto_voice.errors import AutoVoiceError
from auto_voice.web.app import create_app
from documents import ROOT, code_blocks, inline_code, table_rows

PAGE = ROOT / "docs" / "api.md"
_ROUTE = re.compile(r"(GET|POST|PUT|PATCH|DELETE|WS) (/\S*)")
_UNTOLD = {"HEAD", "OPTIONS"}


def routes(settings: Settings) -> set[str]:
    """`METHOD /path/{parameter}` of everything the app answers to; a WebSocket's method is WS."""
    found = set()
    for rule in create_app(settings).url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        methods = {"WS"} if rule.websocket or path.startswith("/ws/") else (rule.methods or set()) - _UNTOLD
        found |= {f"{method} {path}" for method in methods}
    return found


def test_every_route_is_on_the_page_and_every_one_on_the_page_is_there(settings: Settings) -> None:
    told = {code for code in inline_code(PAGE) if _ROUTE.fullmatch(code)}
    assert told == routes(settings)


def test_every_address_in_an_example_is_a_route(settings: Settings) -> None:
    known = [re.compile(re.sub(r"\{\w+\}", "[^/]+", route.split()[1])) for route in routes(settings)]
    asked = [
        address.partition("?")[0]
        for example in code_blocks(PAGE, "bash")
        for address in re.findall(r"(?:http|ws)://localhost:5000(/[^\s\"]*)", example)
    ]
    assert asked
    assert [each for each in asked if not any(route.fullmatch(each) for route in known)] == []


def every_error(error: type[AutoVoiceError] = AutoVoiceError) -> Iterator[type[AutoVoiceError]]:
    yield error
    for kind in error.__subclasses__():
        yield from every_error(kind)


def test_every_error_is_told_under_its_status() -> None:
    expected = defaultdict(set)
    for error in every_error():
        if error.__module__ != AutoVoiceError.__module__:
            continue  # what only a command or a worker meets
        expected[error.http_status].add(error.code)
    told = {int(row[0]): set(re.findall(r"`(\w+)`", row[1])) for row in table_rows(PAGE) if row[0].isdigit()}
    assert told == dict(expected)
