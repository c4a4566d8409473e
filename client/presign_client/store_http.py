"""The HTTP between this machine and the store, by urllib3: connections, proxies, TLS and failures.

urllib3 is imported once a byte has to move. A/B, `presign get` of 1 GiB with its SHA-256 from
SeaweedFS, medians of three: 1.47 s of CPU, 1.82 by httpx; over TLS 2.18 and 2.44.
"""

import logging
import socket
import ssl
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from time import monotonic
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

import httpx
from urllib3 import (
    BaseHTTPResponse,
    PoolManager,
    ProxyManager,
    Timeout,
)
from urllib3.exceptions import (
    EmptyPoolError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    TimeoutError,  # noqa: A004 - urllib3's
)

from presign_client.connections import IDLE_SECONDS, TARGET, Pool, SecurePool
from presign_client.errors import UNREACHABLE, PresignError
from presign_client.http import CONNECT_SECONDS, CONNECTIONS, USER_AGENT
from presign_client.proxies import proxy_for
from presign_client.retries import TemporaryError

# Bytes that are received and written at a time. Of 64 KiB each call of the system costs more, and
# 1 MiB is given back to the system after each use.
CHUNK = 256 * 1024
FAST_SECONDS = 0.1  # for a chunk; on a slower line progress would come late
NO_SUCH_PROXY = "The store is reached by HTTP proxies alone. For another kind give `pool`."
Body = Iterable[bytes]


class Answer:
    """The store's answer. `content` has what `read` has read. Headers have lower-case names."""

    def __init__(self, response: BaseHTTPResponse, *, is_secure: bool) -> None:
        self._response, self.status, self.content = response, response.status, b""
        self._is_secure = is_secure
        found = response.headers
        self.headers: Mapping[str, str] = {name.lower(): _text(found[name]) for name in found}

    def read(self, most: int | None = None) -> bytes:
        """Read the body, or its start: no chunk after `most` bytes."""
        for chunk in self.chunks():
            self.content += chunk
            if most is not None and len(self.content) > most:
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
                pieces.append(piece)
                size += len(piece)
                if size >= CHUNK:
                    is_fast = self._is_secure and monotonic() - began < FAST_SECONDS
                    read = self._response.read if is_fast else self._response.read1
                    yield b"".join(pieces)
                    pieces, size, began = [], 0, monotonic()
        except HTTPError as error:
            if pieces:
                yield b"".join(pieces)
            raise TemporaryError(_unreachable(error)) from None
        if pieces:
            yield b"".join(pieces)


def _text(value: str) -> str:
    """Return a header as UTF-8, if it is that. http.client reads Latin-1."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


class StoreHttp:
    """Sends requests to the store. Threads may share it.

    Without a `pool` the proxies are those of the environment, and so are the authorities that
    sign certificates (`SSL_CERT_FILE`, `SSL_CERT_DIR`).
    """

    def __init__(self, pool: PoolManager | None = None) -> None:
        self._given, self._lock = pool, Lock()
        self._proxies = {} if pool else getproxies()
        self._pools: dict[tuple[str, str | None], PoolManager] = {}

    def close(self) -> None:
        for pool in [self._given, *self._pools.values()]:
            if pool is not None:
                pool.clear()

    @contextmanager
    def answer(
        self, method: str, url: str, headers: Mapping[str, str], body: Body | None = None
    ) -> Iterator[Answer]:
        """Send one request, and yield the answer before its body is read.

        Raises:
            TemporaryError: if there is no answer, or only a part of one.

        """
        # A connection whose answer has not been read is of no further use.
        response = self._send(method, url, headers, body)
        try:
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
        place, sent = url, {"user-agent": USER_AGENT, **headers}
        if self._given is None:
            place, sent[TARGET] = _divided(url)
            # As it is signed. urllib3 would leave out a dot at its end, and a usual port. For a
            # proxy it adds one of its own, unless there is one with a capital.
            sent["Host"] = urlsplit(url).netloc
        try:
            return self._pool(url).request(
                method,
                place,
                body=None if body is None else _guarded(body),
                headers=sent,
                timeout=Timeout(connect=CONNECT_SECONDS, read=IDLE_SECONDS),
                pool_timeout=IDLE_SECONDS,
                preload_content=False,
                decode_content=False,
                retries=False,  # `Retries` decides
                redirect=False,  # the URL is signed for this host
            )
        except _BodyError as failed:
            raise failed.error from None
        except (HTTPError, ValueError) as error:  # a header that nobody can send is a ValueError
            raise TemporaryError(_unreachable(error)) from None

    def _pool(self, url: str) -> PoolManager:
        if self._given is not None:
            return self._given
        place = urlsplit(url).scheme, proxy_for(url, self._proxies)
        with self._lock:
            if place not in self._pools:
                self._pools[place] = _new_pool(*place)
            return self._pools[place]


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


def _divided(url: str) -> tuple[str, str]:
    """Return the origin, with a slash, and the path and query."""
    scheme, _, rest = url.partition("://")
    host, _, target = rest.partition("/")
    return f"{scheme}://{host}/", f"/{target}"


def _new_pool(scheme: str, proxy: str | None) -> PoolManager:
    if proxy is not None and urlsplit(proxy).scheme not in {"http", "https"}:
        raise PresignError(UNREACHABLE, NO_SUCH_PROXY)
    is_plain = scheme == "http" and not (proxy or "").startswith("https:")
    context = None if is_plain else httpx.create_ssl_context()  # that of the calls of presign
    if proxy is None:
        pool = PoolManager(maxsize=CONNECTIONS, block=True, ssl_context=context)
    else:
        pool = ProxyManager(
            proxy,
            maxsize=CONNECTIONS,
            block=True,
            ssl_context=context,
            proxy_ssl_context=context,
            proxy_headers=_authorization(proxy),
        )
    pool.pool_classes_by_scheme = {"http": Pool, "https": SecurePool}
    return pool


def _authorization(proxy: str) -> Mapping[str, str]:
    split = urlsplit(proxy)
    if split.username is None:
        return {}
    words = f"{unquote(split.username)}:{unquote(split.password or '')}"
    # As httpx has it. `make_headers` of urllib3 takes Latin-1.
    return {"proxy-authorization": f"Basic {b64encode(words.encode()).decode()}"}


def _unreachable(error: Exception) -> PresignError:
    """Return the error for the user. urllib3's own message may have the URL in it."""
    is_around = isinstance(error, ProxyError | ProtocolError) and error.args
    cause = error.args[-1] if is_around else error
    if _is_untrusted(error):
        why = "has a TLS certificate that is not trusted here; SSL_CERT_FILE names others"
    elif isinstance(cause, NewConnectionError):
        why = "cannot be reached"
    elif isinstance(cause, TimeoutError | EmptyPoolError | socket.timeout):
        why = "did not answer in time"
    else:
        why = f"ended the connection ({type(error).__name__})"
    return PresignError(UNREACHABLE, f"The store {why}.")


def _is_untrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


class _WithoutQuery(logging.Filter):
    """urllib3 logs targets, also as warnings of odd headers. What signs a URL is in its query.

    Such a warning has headers, too, and one may be a `Location` with the URL.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(map(_unsigned, record.args))
        record.exc_info = None
        return True


def _unsigned(argument: object) -> object:
    if isinstance(argument, Exception):
        return type(argument).__name__
    return argument.partition("?")[0] if isinstance(argument, str) else argument


for _name in ("connection", "connectionpool", "poolmanager"):
    logging.getLogger(f"urllib3.{_name}").addFilter(_WithoutQuery())
