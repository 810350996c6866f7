"""Weights: which there are, how they get here, how they are loaded, and the networks they belong to."""
