"""Definitions of the networks whose weights are fetched."""
