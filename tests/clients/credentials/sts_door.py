"""What stands between a program and `/sts`: it counts, and may change an answer's end or refuse."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from tests.support.http_servers import Handler, serving

_EXPIRATION = re.compile(b"(?<=<Expiration>)[^<]+")


@dataclass
class Door:
    """`ends_in` are seconds. `refusal` is a status and a document, instead of any answer."""

    service: str
    url: str = ""
    ends_in: float | None = None
    refusal: tuple[int, bytes] | None = None
    bodies: list[bytes] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def answer(self, path: str, content_type: str, body: bytes) -> tuple[int, bytes]:
        self.bodies.append(body)
        status, document = self.refusal or self._of_service(path, content_type, body)
        self.statuses.append(status)
        if self.ends_in is None:
            return status, document
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.ends_in))
        return status, _EXPIRATION.sub(ends.encode(), document)

    def _of_service(self, path: str, content_type: str, body: bytes) -> tuple[int, bytes]:
        headers = {"Content-Type": content_type}
        url = f"{self.service}{path}"
        given = httpx.post(url, content=body, headers=headers, trust_env=False, timeout=30)
        return given.status_code, given.content


@contextmanager
def door_to(service: str) -> Iterator[Door]:
    door = Door(service)

    class Posted(Handler):
        def do_POST(self) -> None:  # noqa: N802 - its name there
            sent = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status, body = door.answer(self.path, self.headers.get("Content-Type", ""), sent)
            self.answer(status, body, {"Content-Type": "text/xml"})

    with serving(Posted) as url:
        door.url = f"{url}/sts"
        yield door
