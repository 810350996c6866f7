"""Where things are kept: paths from ids, and the cache."""
