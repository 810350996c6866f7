"""What can go wrong between a worker and its job."""

from __future__ import annotations

from auto_voice.errors import AutoVoiceError


class LostJobError(AutoVoiceError):
    """The attempt is no longer the job's: it was cancelled, or handed to another worker.

    Whoever gets it stops, writes nothing more, and removes its attempt's folder.

    Attributes:
        cancelled: the job was cancelled; else another attempt has taken over, or nobody knows the job any more.
    """

    def __init__(self, job_id: str, attempt: int, *, cancelled: bool) -> None:
        reason = "the job was cancelled" if cancelled else "the job was taken from it"
        super().__init__(f"attempt {attempt} of {job_id} no longer counts: {reason}")
        self.cancelled = cancelled
