"""The gate in front of a store that accepts everything, without sockets or processes."""

import io
import re
from collections.abc import Iterable, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from werkzeug.wsgi import ClosingIterator

from service.demo.gate import RAW_HEADERS, Gate
from service.demo.signatures import StoredKey
from service.signing.actions import (
    Checksum,
    DeleteObject,
    GetObject,
    HeadObject,
    ListObjects,
    PutObject,
)
from service.signing.multipart_actions import UploadPart
from service.signing.signer import Address, Signable, Signer
from service.signing.sigv4 import Credentials
from tests.end_to_end.mutations import Sent
from tests.support.stores import BODY, BUCKET

NOW: Final = 1_790_000_000
REGION: Final = "eu-west-1"
HOST: Final = "127.0.0.1:5000"
SESSION: Final = Credentials(
    access_key_id="ASIASESSION", secret_access_key="of-the-session", session_token="a+token/="
)
ROOT: Final = Credentials(access_key_id="AKIAROOT", secret_access_key="of-root")
SESSION_END: Final = NOW + 3600
SHA256: Final = "3GW5BzgNtYdsxclTr58rYh58eua5RMs2wpgucfjVdNY="
ACTIONS: Final[dict[str, tuple[Signable, str]]] = {
    "download": (
        GetObject(content_type="application/pdf", content_disposition="attachment"),
        "mutations/a",
    ),
    "upload": (
        PutObject(
            content_length=len(BODY),
            content_type="text/plain",
            metadata=(("author", "Ann"),),
            tags=(("team", "billing"),),
            content_disposition="attachment",
            cache_control="private",
            checksum=Checksum(algorithm="SHA256", value=SHA256),
        ),
        "mutations/a",
    ),
    "bare upload": (PutObject(content_length=len(BODY)), "mutations/a"),
    "head": (HeadObject(), "mutations/a"),
    "delete": (DeleteObject(), "mutations/a"),
    "list": (ListObjects(prefix="mutations/", max_keys=2), ""),
    "part": (
        UploadPart(
            upload_id="an-upload",
            part_number=1,
            content_length=len(BODY),
            checksum=Checksum(algorithm="SHA256", value=SHA256),
        ),
        "mutations/a",
    ),
}


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes

    @property
    def code(self) -> str:
        found = re.search(r"<Code>(\w+)</Code>", self.body.decode())
        return "" if found is None else found[1]

    def element(self, name: str) -> str:
        return self.body.decode().partition(f"<{name}>")[2].partition("</")[0]


@dataclass
class Gated:
    """What passed the gate is in `stored`."""

    now: float = NOW
    region: str = REGION
    keys: dict[str, StoredKey] = field(
        default_factory=lambda: {
            SESSION.access_key_id: StoredKey(
                secret_access_key=SESSION.secret_access_key,
                token=SESSION.session_token,
                expires_at=SESSION_END,
            ),
            ROOT.access_key_id: StoredKey(secret_access_key=ROOT.secret_access_key),
        }
    )
    stored: list[bytes] = field(default_factory=list)

    def send(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Response:
        """Send a request with these headers only."""
        environ = {
            "REQUEST_METHOD": method,
            "RAW_URI": target,
            RAW_HEADERS: list(headers.items()),
            "wsgi.input": io.BytesIO(body or b""),
        }
        status = ""

        def start_response(line: str, *_: Any) -> Any:
            nonlocal status
            status = line

        gate = Gate(self._store, find_key=self.keys.get, region=self.region, clock=lambda: self.now)
        response = gate(environ, start_response)
        with closing(response) if isinstance(response, ClosingIterator) else nullcontext():
            return Response(int(status[:3]), b"".join(response))

    def send_signed(self, sent: Sent) -> Response:
        """Send a request as an HTTP library does, with the host and the length."""
        parts = urlsplit(sent.url)
        own = {"Host": parts.netloc}
        if sent.body is not None:
            own["Content-Length"] = str(len(sent.body))
        target = f"{parts.path}?{parts.query}"
        return self.send(sent.method, target, sent.headers | own, sent.body)

    def _store(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        self.stored.append(environ["wsgi.input"].read())
        start_response("200 OK", [])
        return [b"stored"]


def sign(operation: str, credentials: Credentials = SESSION, *, expires_in: int = 900) -> Sent:
    """Return a request that the gate accepts, with everything signed that can be signed."""
    action, key = ACTIONS[operation]
    address = Address(scheme="http", host=HOST, path_prefix=f"/{BUCKET}/", region=REGION)
    url = Signer(credentials, address).presign(action, key, now=NOW, expires_in=expires_in)
    headers = {name: value for name, value in action.headers().items() if name != "content-length"}
    return Sent(action.METHOD, url, headers, BODY if action.METHOD == "PUT" else None)
