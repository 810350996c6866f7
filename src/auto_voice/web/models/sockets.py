"""Tickets for WebSockets."""

from __future__ import annotations

from pydantic import BaseModel, Field


class TicketRequest(BaseModel):
    """Which job to watch."""

    conversion_id: str = Field(min_length=1, max_length=64)


class TicketResponse(BaseModel):
    """A ticket and where to use it."""

    ticket: str | None = Field(description="opens one WebSocket, once; null where no keys are needed")
    expires_in_seconds: int
    websocket_url: str = Field(description="with the ticket in it")
