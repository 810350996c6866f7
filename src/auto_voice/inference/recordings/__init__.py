"""Recordings of a voice: opened, cleaned, measured, and refused with a reason where nothing can be learnt from them."""
