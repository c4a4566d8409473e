"""The app with a caller that may sign below `wh/` in `demo`."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx

from service.signing.signer import Address
from tests.support.app import ADDRESS, make_app_settings, make_open_grant, run_app
from tests.support.audited import Audited

ORIGIN: Final = f"https://{ADDRESS.host}"
SIGN: Final = "/sign/demo/v1/aws/s3/sign"
ALLOW: Final = ["download", "head", "upload", "multipart", "delete", "list", "sign"]
GRANT: Final = make_open_grant(prefix="wh/", allow=ALLOW)
PATH_STYLE: Final = Address(
    scheme="http", host="store.test:9000", path_prefix="/demo/", region="eu-west-1"
)


@dataclass
class Harness(Audited):
    client: httpx.AsyncClient

    async def ask(
        self, method: str = "GET", key: str = "wh/a", *, path: str = SIGN, **changes: Any
    ) -> httpx.Response:
        """Ask for a signature. `key` is a path, perhaps with a query, below the bucket."""
        return await self.client.post(path, json=make_body(method, key, **changes))

    async def sign(self, method: str = "GET", key: str = "wh/a", **changes: Any) -> dict[str, str]:
        """Return the new headers."""
        answer = await self.ask(method, key, **changes)
        assert answer.status_code == 200, answer.text
        headers: Mapping[str, list[str]] = answer.json()["headers"]
        return {name: value for name, [value] in headers.items()}

    async def refusal(
        self, method: str = "GET", key: str = "wh/a", **changes: Any
    ) -> tuple[int, str]:
        """Return status and message."""
        answer = await self.ask(method, key, **changes)
        assert answer.status_code != 200, answer.text
        return answer.status_code, answer.json()["error"]["message"]


def make_body(method: str, key: str, **changes: Any) -> dict[str, Any]:
    body = {"region": "eu-west-1", "method": method, "uri": f"{ORIGIN}/{key}", "headers": {}}
    return body | changes


def one_each(**headers: str) -> dict[str, list[str]]:
    """Headers as clients send them, from names with `_` for `-`."""
    return {name.replace("_", "-"): [value] for name, value in headers.items()}


BODY: Final = "<Delete><Object><Key>wh/a</Key></Object><Object><Key>wh/b</Key></Object></Delete>"
UPLOAD: Final = one_each(Content_Length="5", Content_Type="text/csv")


def signed_names(headers: Mapping[str, str]) -> list[str]:
    _, _, rest = headers["Authorization"].partition("SignedHeaders=")
    return rest.partition(",")[0].split(";")


@asynccontextmanager
async def start_harness(
    *grants: Mapping[str, Any], more: Mapping[str, Any] | None = None, **bucket: Any
) -> AsyncIterator[Harness]:
    """`bucket` are other settings of `demo`, `more` those of the app."""
    settings = make_app_settings(*(grants or [GRANT]), buckets={"demo": {**BUCKET, **bucket}})
    lines: list[bytes] = []
    async with run_app(settings, audit=lines.extend, **(more or {})) as client:
        yield Harness(client, audit_bytes=lines)


BUCKET: Final[dict[str, Any]] = {
    "region": "eu-west-1",
    "role_arn": "arn:aws:iam::111122223333:role/presign",
}
