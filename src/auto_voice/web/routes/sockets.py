"""Tickets: a browser cannot send a key when it opens a WebSocket, and an address is no place for one."""

from __future__ import annotations

from flask import Response, jsonify, request
from flask_openapi3 import APIBlueprint, Tag

from auto_voice.accounts.tickets import VALID_SECONDS
from auto_voice.web.caller import caller
from auto_voice.web.jobs import visible_job
from auto_voice.web.limits import unlimited
from auto_voice.web.models.sockets import TicketRequest, TicketResponse
from auto_voice.web.responses import ERRORS
from auto_voice.web.services import services

blueprint = APIBlueprint(
    "tickets",
    __name__,
    url_prefix="/api/v1/ws",
    abp_tags=[
        Tag(name="WebSocket", description="`/ws/conversion/{conversion_id}` tells how a job stands, as it changes.")
    ],
)


@blueprint.post("/ticket", summary="Get a ticket for a WebSocket", responses={200: TicketResponse, **ERRORS})
@unlimited
def issue_ticket(body: TicketRequest) -> Response:
    """Get a ticket that opens the WebSocket of one job, once and within a minute: `?ticket=`.

    Programs that can send headers need none: they send their key as with any request.
    """
    job = visible_job(body.conversion_id)
    who = caller()
    ticket = None if who.username is None else services().tickets.issue(who.username, who.role, job.job_id)
    address = f"{'wss' if request.is_secure else 'ws'}://{request.host}/ws/conversion/{job.job_id}"
    answer = TicketResponse(
        ticket=ticket,
        expires_in_seconds=VALID_SECONDS,
        websocket_url=address if ticket is None else f"{address}?ticket={ticket}",
    )
    return jsonify(answer.model_dump())
