"""The HTTP between this machine and presign."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

from urllib3.exceptions import HTTPError

from presign_client.errors import NOT_PRESIGN, UNREACHABLE, PresignError
from presign_client.pools import Pools
from presign_client.proxies import check_password
from presign_client.reasons import CANNOT_BE_REACHED, is_unsent, reason_of
from presign_client.stopping import check_wanted

# Bytes of JSON. The longest answers are of batches, of 1,000 items: a key has up to 6 KiB (1,024
# bytes that are escaped), its URL 16 (MAX_URL_LENGTH of the service), and its headers 5.
MAX_ANSWER = 64 * 1024 * 1024
CHUNK = 64 * 1024
ENCODINGS = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
ACCEPTED = {"accept": "*/*", "accept-encoding": "gzip, deflate"}


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. The names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


def whole(status: int, headers: Mapping[str, str], url: str, chunks: Iterable[bytes]) -> Reply:
    """Return the answer whose body, without compression, has these chunks.

    A few KiB can be many GiB, compressed: so it ends at the first chunk that is too much. In two
    encodings, one in the other, a single chunk can be too much.

    Raises:
        PresignError: if it is longer than any of presign's, in an encoding not asked for, or of a
            proxy that refuses the password.

    """
    check_password(status)
    found = {name.lower(): value for name, value in headers.items()}
    if found.get("content-encoding", "identity").lower() not in ENCODINGS:
        raise not_presign(status, url, "in an encoding that was not asked for")
    pieces, size = list[bytes](), 0
    for chunk in chunks:
        size += len(chunk)
        if size > MAX_ANSWER:
            raise not_presign(status, url, f"longer than {MAX_ANSWER // 1024**2} MiB")
        pieces.append(chunk)
    return Reply(status, found, b"".join(pieces))


class NoReplyError(Exception):
    """There is no whole answer. `is_unsent`: presign cannot have seen the request."""

    def __init__(self, reason: str, url: str, *, is_unsent: bool) -> None:
        super().__init__()
        text = f"presign {reason}."
        if reason.startswith(CANNOT_BE_REACHED):
            why = reason.removeprefix(CANNOT_BE_REACHED)
            text = f"Cannot connect to {_origin_of(url)}{why}: is PRESIGN_URL right?"
        self.error = PresignError(UNREACHABLE, text)
        self.is_unsent = is_unsent


def not_presign(status: int, url: str, what: str) -> PresignError:
    """Return the error of an answer from somewhere else. `what` says how that shows."""
    text = (
        f"HTTP {status} from {_origin_of(url)}, {what}: a proxy or a login page is in between, "
        "or the URL of the service is wrong."
    )
    return PresignError(NOT_PRESIGN, text, status=status)


def _origin_of(url: str) -> str:
    """Return scheme and host, without a password."""
    return f"{urlsplit(url).scheme}://{urlsplit(url).netloc.rpartition('@')[2]}"


class ServiceHttp:
    """Sends one request to presign at a time. Threads may share it."""

    def __init__(self) -> None:
        self._pools = Pools()

    def close(self) -> None:
        self._pools.close()

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        seconds: float,
    ) -> Reply:
        """Return the answer to one attempt. `seconds` are for each next byte of it.

        Raises:
            PresignError: if the answer is none of presign's.
            NoReplyError: if there is none.

        """
        try:
            sent = {**ACCEPTED, **headers}
            answer = self._pools.request(method, url, sent, content, seconds=seconds)
            try:
                chunks = iter(partial(answer.read, CHUNK), b"")
                found = dict(answer.headers.itermerged())
                reply = whole(answer.status, found, url, chunks)
            finally:  # a connection whose answer has not been read whole is of no further use
                answer.close()
                answer.release_conn()
            check_wanted()  # else this may be no end of the body, but that of the connection
        except HTTPError as error:
            check_wanted()
            raise NoReplyError(reason_of(error), url, is_unsent=is_unsent(error)) from None
        return reply
