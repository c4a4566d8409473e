"""An HTTP server in front of a function, as API Gateway and the others are: it makes the events."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from threading import Lock
from typing import Any

import httpx

from tests.support.http_servers import Handler, serving
from tests.support.lambda_events import Kind, event_of, response_of

# They belong to the connection, or are the sender's own.
_OF_THE_CONNECTION = {"connection", "content-length", "date", "server", "transfer-encoding"}
Invoke = Callable[[dict[str, Any]], Any]
# Receives the function's answer, and what the server at `twin` answers to the same request.
Compare = Callable[[httpx.Response, httpx.Response], None]


def names_of(headers: httpx.Headers) -> set[str]:
    """Return the names of the headers that the service itself chooses."""
    return {name.lower() for name in headers} - _OF_THE_CONNECTION


@contextmanager
def gateway(
    kind: Kind, invoke: Invoke, twin: tuple[str, int] | None = None, compare: Compare | None = None
) -> Iterator[str]:
    """Yield the URL of a server that passes each request to `invoke`, as an event of this kind.

    The same request goes to the server at `twin`, and `compare` gets both answers.
    """
    one_at_a_time = Lock()

    class Gateway(Handler):
        disable_nagle_algorithm = True

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = list(self.headers.items())
            with one_at_a_time:
                event = event_of(kind, self.command, self.path, headers, body)
                answer = response_of(invoke(event))
                if twin is not None and compare is not None:
                    compare(answer, _ask(twin, self.command, self.path, headers, body))
            self.send_response(answer.status_code)
            for name, value in answer.headers.multi_items():
                if name.lower() not in _OF_THE_CONNECTION:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):  # of any method
                return self.pass_on
            raise AttributeError(name)

    with serving(Gateway) as url:
        yield url


def _ask(
    server: tuple[str, int], method: str, url: str, headers: list[tuple[str, str]], body: bytes
) -> httpx.Response:
    """Send the request as it is: no client's normalisation may change it."""
    connection = HTTPConnection(*server, timeout=30)
    try:
        connection.putrequest(method, url, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())
    finally:
        connection.close()
