"""Starts the service's processes, keeps them running, and ends them without losing work."""
