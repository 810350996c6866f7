"""Work that waits, is done, and is never lost: the table, the queue, recovery."""
