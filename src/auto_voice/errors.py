"""One tree of errors: what went wrong, the code clients see, and what to do about it.

The codes and HTTP statuses are the public API's. The command line turns the same errors into exit codes.
"""

from __future__ import annotations


class AutoVoiceError(Exception):
    """Something went wrong inside AutoVoice."""

    code = "internal_error"
    http_status = 500
    exit_code = 1

    def __init__(self, message: str | None = None, *, suggestions: list[str] | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.suggestions = list(suggestions or [])
        super().__init__(self.message)

    def for_strangers(self) -> AutoVoiceError:
        """The same as far as it is the business of those who use a service; the rest is for its log."""
        return self


class InputError(AutoVoiceError):
    """The request cannot be carried out as it was made."""

    code = "invalid_parameters"
    http_status = 400
    exit_code = 3


class InvalidParametersError(InputError):
    """A parameter is missing, unknown or out of range."""


class ConfigurationError(InputError):
    """The configuration is not valid."""

    code = "invalid_configuration"
    exit_code = 4


class InvalidAudioError(InputError):
    """The file is not audio that can be read."""

    code = "invalid_audio"


class AudioTooShortError(InvalidAudioError):
    """The recording is too short."""

    code = "audio_too_short"


class FileTooLargeError(InputError):
    """The file is larger or longer than the limit."""

    code = "file_too_large"
    http_status = 413


class LowQualityAudioError(InputError):
    """The recording is too poor to work with."""

    code = "low_quality_audio"
    http_status = 422


class NotFoundError(InputError):
    """No such thing here."""

    code = "file_not_found"
    http_status = 404


class ProfileNotFoundError(NotFoundError):
    """There is no voice profile with that id or name."""

    code = "profile_not_found"


class ConversionNotFoundError(NotFoundError):
    """There is no conversion with that id."""

    code = "conversion_not_found"


class MissingFieldError(InputError):
    """A required field is missing."""

    code = "missing_required_field"


class NotFinishedError(InputError):
    """The conversion is not finished."""

    code = "conversion_not_finished"
    http_status = 409


class ConflictError(InputError):
    """The request contradicts an earlier one, or what is there."""

    code = "conflict"
    http_status = 409


class FileExpiredError(InputError):
    """The file was kept for a while and is gone now."""

    code = "file_expired"
    http_status = 410


class ApiKeyRequiredError(InputError):
    """API key required"""

    code = "unauthorized"
    http_status = 401


class InvalidApiKeyError(InputError):
    """Invalid API key"""

    code = "unauthorized"
    http_status = 403


class ForbiddenError(InputError):
    """The key does not allow that."""

    code = "forbidden"
    http_status = 403


class RateLimitedError(InputError):
    """Too many requests.

    `retry_after_seconds` says when the next one is allowed.
    """

    code = "rate_limited"
    http_status = 429

    def __init__(
        self, message: str | None = None, *, suggestions: list[str] | None = None, retry_after_seconds: int = 60
    ) -> None:
        super().__init__(message or (type(self).__doc__ or "").partition("\n")[0], suggestions=suggestions)
        self.retry_after_seconds = retry_after_seconds


class ChangedFileError(InputError):
    """The file is not as it was signed."""

    code = "file_changed"
    http_status = 422
    exit_code = 10


class ForeignSignatureError(InputError):
    """The file was signed by another installation."""

    code = "foreign_signature"
    http_status = 422
    exit_code = 11


class UnsignedFileError(InputError):
    """The file comes without a signed document."""

    code = "not_signed"
    http_status = 422
    exit_code = 12


class ServiceUnavailableError(AutoVoiceError):
    """The service cannot do that now.

    `retry_after_seconds` says when it is worth asking again.
    """

    code = "service_unavailable"
    http_status = 503
    exit_code = 9

    def __init__(
        self, message: str | None = None, *, suggestions: list[str] | None = None, retry_after_seconds: int = 30
    ) -> None:
        super().__init__(message or (type(self).__doc__ or "").partition("\n")[0], suggestions=suggestions)
        self.retry_after_seconds = retry_after_seconds


class QueueFullError(ServiceUnavailableError):
    """The queue is full."""

    code = "queue_full"


class ProcessingError(AutoVoiceError):
    """A stage could not do its work on this input."""

    code = "conversion_failed"
    http_status = 422
    exit_code = 5


class SeparationFailedError(ProcessingError):
    """The vocals could not be separated from the song."""

    code = "separation_failed"


class PitchExtractionFailedError(ProcessingError):
    """No melody could be found in the vocals."""

    code = "pitch_extraction_failed"


class ConversionFailedError(ProcessingError):
    """The vocals could not be converted."""


class ModelLoadError(AutoVoiceError):
    """A model could not be fetched, verified or loaded."""

    code = "model_load_error"
    exit_code = 6

    def for_strangers(self) -> ModelLoadError:
        """Without the message, which may name folders."""
        return ModelLoadError("A model of the service is missing or broken.", suggestions=self.suggestions)


class OutOfMemoryError(AutoVoiceError):
    """There is not enough memory, even on the smallest setting."""

    code = "out_of_memory"
    exit_code = 7


class StorageError(AutoVoiceError):
    """The data folder cannot be read or written."""

    code = "storage_error"
    exit_code = 8

    def for_strangers(self) -> ServiceUnavailableError:
        """Without the message, which names folders."""
        return ServiceUnavailableError("The service cannot use its storage now.", suggestions=self.suggestions)


class CancelledError(AutoVoiceError):
    """The work was cancelled."""

    code = "cancelled"
    http_status = 409
    exit_code = 130
