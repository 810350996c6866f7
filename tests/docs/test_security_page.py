"""docs/security.md says what the doors really do."""

from __future__ import annotations

import re

from auto_voice.accounts.audit import ACTS
from auto_voice.accounts.tickets import VALID_SECONDS
from auto_voice.cli import autovoice
from auto_voice.config import load_settings
from auto_voice.errors import ChangedFileError, ForeignSignatureError, UnsignedFileError
from auto_voice.web.auth import OPEN_FOLDERS, OPEN_RULES, WRONG_KEYS_PER_MINUTE
from documents import ROOT, inline_code, table_rows

PAGE = ROOT / "docs" / "security.md"
TEXT = " ".join(PAGE.read_text("utf-8").split())


def test_what_is_open_is_listed_and_nothing_else() -> None:
    [listed] = re.findall(r"Open to everybody are only (.*?)\. They", TEXT)
    assert set(re.findall(r"`([^`]+)`", listed)) == OPEN_RULES | {f"{folder}…" for folder in OPEN_FOLDERS}


def test_every_act_of_the_audit_log_is_explained() -> None:
    known = {name for row in table_rows(PAGE) for name in re.findall(r"`(\w+)`", row[0])}
    assert set(ACTS) <= known


def test_the_numbers_are_the_codes() -> None:
    assert f"{WRONG_KEYS_PER_MINUTE} wrong keys a minute" in TEXT
    assert f"within {VALID_SECONDS} seconds" in TEXT
    codes = {int(row[0]) for row in table_rows(PAGE) if row[0].isdigit()}
    assert codes == {0, *(error.exit_code for error in (ChangedFileError, ForeignSignatureError, UnsignedFileError))}
    verify = autovoice.get_command(None, "verify")  # type: ignore[arg-type]
    assert verify is not None
    assert {int(number) for number in re.findall(r"\b\d+\b", str(verify.help))} == codes


def test_every_setting_named_is_one() -> None:
    settings = load_settings(environment={}).model_dump()
    named = [
        name for name in inline_code(PAGE) if re.fullmatch(r"[a-z_]+\.[a-z_]+", name) and name != "signing_key.pem"
    ]
    unknown = [name for name in named if name.split(".")[1] not in settings.get(name.split(".")[0], {})]
    assert len(named) > 8
    assert not unknown
