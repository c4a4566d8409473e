"""The connections of urllib3, which send what is signed."""

from collections.abc import Callable, Iterator
from http.client import HTTPException, HTTPResponse
from time import monotonic
from typing import Any, BinaryIO

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool
from urllib3 import HTTPResponse as Response
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import EmptyPoolError

from presign_client.stopping import check_wanted, unused, uses

IDLE_SECONDS = 60  # for the next byte, either way
FREE_SECONDS = 1  # after which a thread that waits for a connection asks if it is still wanted
TARGET = "x-presign-target"  # on the way through urllib3, and not sent
MAX_LINE = 65536  # bytes; http.client refuses a longer one
MOST_EARLY = 100  # answers before the final one: of 102, which servers send every few seconds
ENDS = frozenset({b"\r\n", b"\n", b""})  # of the headers


class _Head:
    """The head of an answer, with all its headers as one line.

    http.client takes 100 lines. An object of S3 may have hundreds of headers: 2 KB of metadata.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lines = self._read()
        self.close = file.close

    def readline(self, _: int) -> bytes:
        return next(self._lines)

    def _read(self) -> Iterator[bytes]:
        for _ in range(MOST_EARLY + 1):
            yield self._file.readline(MAX_LINE + 1)  # the status
            headers = b""
            while (line := self._file.readline(MAX_LINE + 1)) not in ENDS:
                headers += line
                if len(headers) > MAX_LINE:
                    break
            if headers:
                yield headers
            yield line
        raise HTTPException("headers without an end")  # a server could send 103 for ever


class _FinalAnswer(HTTPResponse):
    """Passes over answers such as 103: http.client passes over 100 alone.

    The next request of the connection would get the answer that follows.
    """

    def begin(self) -> None:
        file = self.fp
        self.fp = _Head(file)  # type: ignore[assignment]
        try:
            super().begin()
            while 100 <= self.status < 200:
                self.headers = None  # type: ignore[assignment]  # so `begin` reads again
                super().begin()
        finally:
            if self.fp is not None:  # else it is closed
                self.fp = file


class Connection(HTTPConnection):
    """Sends the path and query that are in the header `TARGET`, and waits patiently.

    So it sends what is signed, and neither the logs nor the errors of urllib3 have a signature. It
    would also parse and encode each character of a URL four times. A/B, `presign get -r` of 1,000
    files of 4 KiB, medians of three: 1.10 ms of CPU a file, 1.43 without.

    After an idle minute something between here and there may have dropped it unseen: then the next
    answer would never come. So it is not used again.

    urllib3 sends within the timeout of connecting, and that counts for a whole chunk: on a slow
    line it ends too early. Here each byte that is sent has the time of one that is received. A
    proxy's CONNECT and the TLS handshake are a part of connecting, and have its time.
    """

    response_class = _FinalAnswer
    now = staticmethod(monotonic)
    _used = 0.0  # when the head of the last answer came

    def request(
        self, method: str, url: str, body: Any = None, headers: Any = None, **options: Any
    ) -> None:
        headers = dict(headers)
        target = headers.pop(TARGET)
        self._target = target if url == "/" else url.removesuffix("/") + target  # for a proxy
        super().request(method, url, body, headers, **options)

    def getresponse(self) -> Response:  # type: ignore[override]
        response = super().getresponse()
        self._used = self.now()
        return response

    @property
    def is_connected(self) -> bool:
        return super().is_connected and self.now() - self._used < IDLE_SECONDS

    def putrequest(self, method: str, url: str, *skipped: Any, **options: Any) -> None:  # noqa: ARG002
        if self.sock is None:  # else `send` would connect, within the time of a byte
            self.connect()
        self.sock.settimeout(IDLE_SECONDS)
        super().putrequest(method, self._target, *skipped, **options)

    def send(self, data: Any) -> None:
        uses(self._socket())
        left = memoryview(data)
        while left:
            left = left[self.sock.send(left) :]
            check_wanted()

    def rest(self) -> None:
        """Let no thread that waited at this connection end it any more."""
        if self.sock is not None:
            unused(self._socket())

    def _socket(self) -> Any:
        return getattr(self.sock, "socket", self.sock)  # it has one if it is TLS in a proxy's TLS


class SecureConnection(Connection, HTTPSConnection):
    pass


class Pool(HTTPConnectionPool):
    ConnectionCls = Connection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.rest()
        kept = self.pool  # None once another thread has closed it
        if self.block or kept is None or not kept.full():
            super()._put_conn(conn)
        elif conn is not None:  # urllib3 would warn of each
            conn.close()


class SecurePool(Pool, HTTPSConnectionPool):
    ConnectionCls = SecureConnection


def when_one_is_free(send: Callable[..., BaseHTTPResponse]) -> BaseHTTPResponse:
    """Return the answer to a request, which may have to wait for a connection.

    Others move bytes by all of them then: no server is late, and no attempt has failed. urllib3
    raises EmptyPoolError before it takes a byte of the body.

    Raises:
        StoppedError: if this thread is to end, about a second later.

    """
    while True:
        try:
            return send(pool_timeout=FREE_SECONDS)
        except EmptyPoolError:  # noqa: PERF203 - mostly the first try returns
            check_wanted()
