"""Who may come in: users, their roles and keys, tickets for sockets, and what they did."""

from __future__ import annotations

from auto_voice.accounts.accounts import Accounts
from auto_voice.accounts.audit import Audit
from auto_voice.accounts.tickets import Tickets
from auto_voice.accounts.users import Identity, Key, Refusal, Role, User

__all__ = ["Accounts", "Audit", "Identity", "Key", "Refusal", "Role", "Tickets", "User"]
