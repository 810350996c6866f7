"""Who may come in: users, their roles and keys, tickets for sockets, and what they did."""
