"""Weights of AutoVoice's own networks, which come with the package."""

from __future__ import annotations

from pathlib import Path

CONTENT_MAPPER = Path(__file__).with_name("content_mapper.safetensors")
"""See `models.networks.content_mapper`; how it was made: docs/models/content-mapper.md."""
