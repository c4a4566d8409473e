"""The service as a later version may be: each JSON object in its answers has an additional field.

A small proxy on loopback. It does not change maps: an additional header would be sent to the store.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx

from tests.support.http_servers import Handler, serving

FIELD: Final = "x_of_a_later_version"
VALUE: Final = {"some": ["thing", 1, None]}
MAPS: Final = {"headers", "fields", "metadata", "checksums"}
# Headers of one connection, or of the server that answers
OWN: Final = {"connection", "content-length", "date", "host", "http2-settings", "server", "upgrade"}


def grown(value: Any) -> Any:
    if isinstance(value, list):
        return [grown(each) for each in value]
    if isinstance(value, dict):
        own = {name: each if name in MAPS else grown(each) for name, each in value.items()}
        return {**own, FIELD: VALUE}
    return value


@contextmanager
def growing(service_url: str) -> Iterator[str]:
    """Yield the URL of the proxy."""

    class Proxy(Handler):
        def forward(self) -> None:
            reply = upstream.request(
                self.command,
                self.path,
                content=self.rfile.read(int(self.headers.get("content-length", 0))),
                headers={k: v for k, v in self.headers.items() if k.lower() not in OWN},
            )
            is_json = "json" in reply.headers.get("content-type", "")
            body = json.dumps(grown(reply.json())).encode() if is_json else reply.content
            kept = {k: v for k, v in reply.headers.items() if k.lower() not in OWN}
            self.answer(reply.status_code, body, kept)

        do_GET = do_POST = do_DELETE = forward  # noqa: N815 - as they are called

    with (
        httpx.Client(base_url=service_url, trust_env=False, timeout=60) as upstream,
        serving(Proxy) as url,
    ):
        yield url
