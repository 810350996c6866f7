"""AutoVoice: a self-hosted voice studio."""

import os
from importlib.metadata import version

# OpenMP's threads wait for each other by spinning unless told otherwise. On a machine that does anything else at the
# same time that is ruinous: separating a song then takes four times the processor time. It is read when torch loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = version("auto-voice")
