"""AutoVoice: a self-hosted voice studio."""

from importlib.metadata import version

__version__ = version("auto-voice")
