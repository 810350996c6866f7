"""The page at `/`."""

from __future__ import annotations

import re

from auto_voice import __version__
from web_house import WebHouse


def test_it_is_there_for_everybody_and_holds_nothing_of_anybody(locked_house: WebHouse) -> None:
    answer = locked_house.client.get("/")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/html")
    assert __version__ in answer.text and locked_house.voice not in answer.text


def test_it_needs_no_other_server_and_no_inline_script(house: WebHouse) -> None:
    page = house.client.get("/").text
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert {each: house.client.get(each).status_code for each in addresses} == dict.fromkeys(addresses, 200)
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|<style|\sstyle=", page)


def test_the_field_for_a_key_is_there_where_keys_are_needed(house: WebHouse, locked_house: WebHouse) -> None:
    assert re.search(r'id="key-form"\s+hidden', house.client.get("/").text)
    assert not re.search(r'id="key-form"\s+hidden', locked_house.client.get("/").text)


def test_its_script_puts_nothing_into_the_page_as_markup(house: WebHouse) -> None:
    script = house.client.get("/static/page.js").text
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|localStorage|eval\(", script)
