"""How a key is written: `av_<id>_<secret>`. The id names it in lists and logs; only the secret opens."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import NamedTuple

_KEY = re.compile(r"av_([0-9a-f]{16})_([0-9a-f]{64})")


class KeyText(NamedTuple):
    """A key taken apart."""

    key_id: str
    secret: str

    @property
    def text(self) -> str:
        """The key as it is handed over, once."""
        return f"av_{self.key_id}_{self.secret}"

    @property
    def secret_sha256(self) -> str:
        """What is kept of the secret. It is random, 256 bits: a slow hash would add nothing but load."""
        return sha256_of(self.secret)


def new_key() -> KeyText:
    """A fresh key."""
    return KeyText(secrets.token_hex(8), secrets.token_hex(32))


def parse_key(text: str) -> KeyText | None:
    """The parts of a key, or None where the text has not the form of one."""
    match = _KEY.fullmatch(text)
    return KeyText(*match.groups()) if match else None


def sha256_of(secret: str) -> str:
    """SHA-256 of a secret, hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()
