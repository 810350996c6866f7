"""Fitting the neural decoder to a voice by gradient descent."""
