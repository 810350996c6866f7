"""What the singing conversion pipeline stands on: its engines, its cache, its scores, its result."""
