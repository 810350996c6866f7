"""Files from the web: resumed where they broke off, bounded in time and size, never over plain HTTP."""

from __future__ import annotations

import threading
from pathlib import Path
from urllib.parse import urlsplit

import requests

from auto_voice.models.catalogue import ModelFile, SourceEntry
from auto_voice.models.sources import Advance, Outage, SourceError

CONNECT_SECONDS = 8.0
READ_SECONDS = 30.0
ATTEMPTS = 2
_CHUNK = 1 << 16  # what is lost when a transfer breaks off


class HttpsSource:
    """One address. Proxies and certificate bundles are taken from the environment, as by `requests`.

    What arrived of a file stays in `partial_dir` until the whole is there, also from one run to the next.

    Args:
        entry: the catalogue's.
        partial_dir: for unfinished files; must exist.
        outage: hosts known to be out of reach.
        timeouts: seconds to connect, and seconds without a byte.
        insecure: allow plain HTTP; for tests on the loopback.
    """

    def __init__(
        self,
        entry: SourceEntry,
        partial_dir: Path,
        outage: Outage,
        *,
        timeouts: tuple[float, float] = (CONNECT_SECONDS, READ_SECONDS),
        insecure: bool = False,
    ) -> None:
        self._entry = entry
        self._partial_dir = partial_dir
        self._outage = outage
        self._timeouts = timeouts
        self._insecure = insecure
        self._local = threading.local()

    def __str__(self) -> str:
        return str(self._entry)

    def serves(self, file: ModelFile) -> bool:
        """See Source."""
        return self._entry.serves(file)

    def fetch(self, file: ModelFile, target: Path, advance: Advance) -> None:
        """See Source."""
        url = self._entry.url.format(name=file.name)
        host = urlsplit(url).netloc
        self._outage.check(host)
        # Named by content: what one address began, another may finish.
        partial = self._partial_dir / f"{file.sha256}.part"
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._continue(url, file, partial, advance)
                break
            except (requests.RequestException, _BrokenOffError) as error:
                if attempt < ATTEMPTS:
                    continue
                reason = _reason(error)
                if _is_unreachable(error):
                    raise self._outage.record(host, f"{host} cannot be reached: {reason}") from error
                raise SourceError(reason) from error
        partial.replace(target)

    def _continue(self, url: str, file: ModelFile, partial: Path, advance: Advance) -> None:
        """Get what is missing of `partial`."""
        done = partial.stat().st_size if partial.exists() else 0
        if done >= file.size:  # complete but never accepted, so wrong
            partial.unlink()
            done = 0
        headers = {"Accept-Encoding": "identity"}
        if done:
            headers["Range"] = f"bytes={done}-"
        with self._session().get(url, headers=headers, stream=True, timeout=self._timeouts) as response:
            if response.status_code == requests.codes.requested_range_not_satisfiable:
                partial.unlink(missing_ok=True)
                raise _BrokenOffError("the server has another file of that name")
            if not response.ok:
                raise SourceError(f"the server answered {response.status_code} {response.reason}")
            resumed = response.headers.get("Content-Range", "").startswith(f"bytes {done}-")
            if response.status_code != requests.codes.partial_content or not resumed:
                done = 0
            with partial.open("ab" if done else "wb") as writer:
                for chunk in response.iter_content(_CHUNK):
                    done += len(chunk)
                    if done > file.size:
                        writer.close()
                        partial.unlink()
                        raise SourceError(f"it is larger than the {file.size} bytes it should have")
                    writer.write(chunk)
                    advance(done)
        if done < file.size:
            raise _BrokenOffError(f"it broke off after {done} of {file.size} bytes")

    def _session(self) -> requests.Session:
        """A session of this thread: requests does not promise that one serves several."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            session.max_redirects = 10
            if not self._insecure:
                # Without an adapter for it, a redirect to plain HTTP is an error.
                del session.adapters["http://"]
        return session


class _BrokenOffError(Exception):
    """The transfer ended early; worth another try."""


def _is_unreachable(error: Exception) -> bool:
    # A connection that breaks while it is read is a ConnectionError as well, but the host was there.
    return isinstance(error, requests.ConnectionError) and "Read timed out" not in str(error)


def _reason(error: Exception) -> str:
    if isinstance(error, requests.exceptions.InvalidSchema):
        return "it leads to an address that is not https"
    if isinstance(error, requests.ConnectTimeout):
        return "no answer"
    if isinstance(error, requests.Timeout) or "Read timed out" in str(error):
        return "the server stopped sending"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy refuses"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return str(error) or type(error).__name__
