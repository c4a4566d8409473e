"""The HTTP between this machine and the store: bodies, answers and their bytes.

urllib3 is imported once a byte has to move. A/B, `presign get` of 1 GiB with its SHA-256 from
SeaweedFS, medians of three: 1.47 s of CPU, 1.82 by httpx; over TLS 2.18 and 2.44.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic

from urllib3 import BaseHTTPResponse, PoolManager
from urllib3.exceptions import HTTPError

from presign_client.connections import IDLE_SECONDS
from presign_client.errors import UNREACHABLE, PresignError
from presign_client.pools import Pools
from presign_client.proxies import check_password
from presign_client.reasons import reason_of
from presign_client.retries import TemporaryError
from presign_client.stopping import check_wanted

# Bytes that are received and written at a time. Of 64 KiB each call of the system costs more, and
# 1 MiB is given back to the system after each use.
CHUNK = 256 * 1024
MOST_BYTES = 64 * 1024  # of an answer that is no object
FAST_SECONDS = 0.1  # for a chunk; on a slower line progress would come late
Body = Iterable[bytes]


class Answer:
    """The store's answer. `content` has what `read` has read. Headers have lower-case names."""

    def __init__(self, response: BaseHTTPResponse, *, is_secure: bool) -> None:
        self._response, self.status, self.content = response, response.status, b""
        self._is_secure = is_secure
        self.headers: Mapping[str, str] = {
            name.lower(): _text(value) for name, value in response.headers.itermerged()
        }

    def read(self, most: int = MOST_BYTES) -> bytes:
        """Read the body, or its start: no chunk after `most` bytes."""
        for chunk in self.chunks():
            self.content += chunk
            if len(self.content) > most:
                break
        return self.content

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as it was sent.

        What came before the connection broke is yielded, too. So pieces are taken as they come.
        Over TLS these are records of 16 KiB. There whole chunks are read once the line is known to
        be fast; a reset then loses a part of one, which is sent again. A/B, `presign get` of 1 GiB
        with its SHA-256 over TLS, medians of four: 1.86 s and 1.70 of CPU, 2.10 and 2.01 by pieces.
        """
        read = self._response.read1
        pieces, size, began = list[bytes](), 0, monotonic()
        try:
            while piece := read(CHUNK):
                check_wanted()
                pieces.append(piece)
                size += len(piece)
                if size >= CHUNK:
                    is_fast = self._is_secure and monotonic() - began < FAST_SECONDS
                    read = self._response.read if is_fast else self._response.read1
                    yield b"".join(pieces)
                    pieces, size, began = [], 0, monotonic()
        except HTTPError as error:
            check_wanted()
            if pieces:
                yield b"".join(pieces)
            raise TemporaryError(_unreachable(error)) from None
        check_wanted()  # else this may be no end of the body, but that of the connection
        if pieces:
            yield b"".join(pieces)


def _text(value: str) -> str:
    """Return a header as UTF-8, if it is that. http.client reads Latin-1."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


class StoreHttp:
    """Sends requests to the store. Threads may share it. `pool` is as in `Pools`."""

    def __init__(self, pool: PoolManager | None = None) -> None:
        self._pools = Pools(pool, may_hold=True)

    def close(self) -> None:
        self._pools.close()

    @contextmanager
    def answer(
        self, method: str, url: str, headers: Mapping[str, str], body: Body | None = None
    ) -> Iterator[Answer]:
        """Send one request, and yield the answer before its body is read.

        Raises:
            PresignError: if a proxy refuses the password.
            TemporaryError: if there is no answer, or only a part of one.

        """
        # A connection whose answer has not been read is of no further use.
        response = self._send(method, url, headers, body)
        try:
            check_password(response.status)
            if response.status < 200:  # by a given pool: what answers the request is still to come
                response.close()
                raise TemporaryError(PresignError(UNREACHABLE, "The store sent no final answer."))
            yield Answer(response, is_secure=url.startswith("https:"))
        finally:
            response.close()
            response.release_conn()

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: Body | None
    ) -> BaseHTTPResponse:
        try:
            return self._pools.request(
                method,
                url,
                headers,
                None if body is None else _guarded(body),
                seconds=IDLE_SECONDS,
                decode_content=False,
            )
        except _BodyError as failed:
            raise failed.error from None
        except (HTTPError, ValueError) as error:  # a header that nobody can send is a ValueError
            check_wanted()
            raise TemporaryError(_unreachable(error)) from None


class _BodyError(Exception):
    """Reading what is sent has failed. urllib3 takes an OSError for one of the connection."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


def _guarded(body: Body) -> Iterator[bytes]:
    try:
        yield from body
    except Exception as error:  # noqa: BLE001 - `_send` raises it again
        raise _BodyError(error) from None


def _unreachable(error: Exception) -> PresignError:
    return PresignError(UNREACHABLE, f"The store {reason_of(error)}.")
