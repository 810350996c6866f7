"""`python -m auto_voice.cli`."""

from auto_voice.cli import main

main()
