"""Where a sound came from: every result says that it is synthetic, and a signed document proves which job made it."""

from __future__ import annotations

from auto_voice.provenance.key import public_key
from auto_voice.provenance.origin import Origin, sidecar_of, tags
from auto_voice.provenance.sign import sign, write_signed
from auto_voice.provenance.verify import verify

__all__ = ["Origin", "public_key", "sidecar_of", "sign", "tags", "verify", "write_signed"]
