"""Measuring what came out: pitch, voice, naturalness, words."""
