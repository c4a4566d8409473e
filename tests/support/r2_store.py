"""`python -m tests.support.r2_store`: a store that keeps what Cloudflare's pages say of R2's tokens.

It decodes each token, keeps its actions and paths, and verifies signatures by the demo's gate. moto
has the objects. It is a stub and no R2: nothing here was compared with R2 itself.
"""

import base64
import binascii
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import boto3
import click
import jwt
from botocore.config import Config
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    create_backend_app,
)
from werkzeug.serving import make_server
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from service.demo.gate import HEALTH, Gate
from service.demo.signatures import StoredKey
from service.demo.store import RequestHandler
from tests.support.processes import free_ports, run_process
from tests.support.stores import (
    BUCKET,
    ROOT_KEY_ID,
    ROOT_KEYS,
    ROOT_SECRET,
    VERSIONED_BUCKET,
    Store,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

REGION: Final = "auto"
ACCOUNT: Final = "0123456789abcdef0123456789abcdef"
PARENT_KEY_ID: Final = "b1946ac92492d2347c6235b4d2611184"
PARENT_SECRET: Final = "5e884898da28047151d0e56f8dc6292773603d0d6aabbd62a11ef721d1542d8a"
_DENIED: Final = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
_NO_FORMS: Final = "<Error><Code>NotImplemented</Code><Message>No forms</Message></Error>"


# By method, whether there is a key, and what else tells the calls apart
_ACTIONS: Final = {
    ("GET", False, "list-type"): "ListObjectsV2",
    ("GET", True, "uploadId"): "ListParts",
    ("GET", True, ""): "GetObject",
    ("HEAD", True, ""): "HeadObject",
    ("PUT", True, ""): "PutObject",
    ("PUT", True, " copies"): "CopyObject",
    ("PUT", True, "uploadId"): "UploadPart",
    ("PUT", True, "uploadId copies"): "UploadPartCopy",
    ("POST", True, "uploads"): "CreateMultipartUpload",
    ("POST", True, "uploadId"): "CompleteMultipartUpload",
    ("DELETE", True, "uploadId"): "AbortMultipartUpload",
    ("DELETE", True, ""): "DeleteObject",
}


class Denied(Exception):
    """The token does not allow the request."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token allows."""

    bucket: str
    actions: frozenset[str]
    prefixes: tuple[str, ...] | None  # None: every path
    objects: tuple[str, ...] = ()

    def check(self, action: str | None, bucket: str, keys: Iterable[str]) -> None:
        """Raise Denied unless the token allows the action on all keys, or on lists of them."""
        allowed = bucket == self.bucket and action in self.actions
        if not (allowed and all(map(self._covers, keys))):
            raise Denied

    def _covers(self, key: str) -> bool:
        prefixes = self.prefixes
        return prefixes is None or key in self.objects or key.startswith(prefixes)


def key_of(token: str) -> StoredKey:
    """Return the key that a session token's credentials have. Raises Denied."""
    text = _token_text(token)
    return StoredKey(secret_access_key=sha256(text.encode()).hexdigest(), token=token)


def _token_text(token: str) -> str:
    try:
        text = base64.b64decode(token, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        raise Denied from None
    if not text.startswith("jwt/"):
        raise Denied
    return text.removeprefix("jwt/")


def claims_of(token: str, host: str) -> Claims:
    """Return what a token allows that the parent has signed for this host. Raises Denied."""
    try:
        claims: dict[str, Any] = jwt.decode(
            _token_text(token),
            PARENT_SECRET,
            algorithms=["HS256"],
            audience=host,
            issuer=PARENT_KEY_ID,
            subject=ACCOUNT,
            options={"require": ["exp", "iat", "sub", "iss", "aud"]},
        )
        writes = not {"GetObject", "HeadObject", "ListObjectsV2"}.issuperset(claims["actions"])
        if claims["scope"] != ("object-read-write" if writes else "object-read-only"):
            raise Denied
        paths = claims.get("paths")
        return Claims(
            claims["bucket"],
            frozenset(claims["actions"]),
            None if paths is None else tuple(paths.get("prefixPaths", ())),
            () if paths is None else tuple(paths.get("objectPaths", ())),
        )
    except (jwt.PyJWTError, KeyError):
        raise Denied from None


def action_of(request: Request, key: str) -> str | None:
    """Return the S3 action of a request, or None for one that no token of ours allows."""
    asked = request.args
    selector = next((each for each in ("uploads", "uploadId", "list-type") if each in asked), "")
    copies = " copies" if "x-amz-copy-source" in request.headers else ""
    return _ACTIONS.get((request.method, bool(key), f"{selector}{copies}"))


def _check(token: str, request: Request) -> None:
    bucket, _, key = request.path.removeprefix("/").partition("/")
    action = action_of(request, key)
    claims = claims_of(token, request.host)
    keys = [key or request.args.get("prefix", "")]
    if source := request.headers.get("x-amz-copy-source"):
        of, _, copied = unquote(source).removeprefix("/").partition("/")
        claims.check(action, of, [copied])
    claims.check(action, bucket, keys)


class R2Store:
    def __init__(self, objects: "WSGIApplication", root: str, secret: str) -> None:
        self._objects = objects
        self._root = {root: StoredKey(secret_access_key=secret)}

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        request = Request(environ)
        token = request.args.get("X-Amz-Security-Token") or request.headers.get(
            "x-amz-security-token"
        )
        if request.mimetype == "multipart/form-data":
            return Response(_NO_FORMS, 501, mimetype="text/xml")(environ, start_response)
        keys = dict(self._root)
        try:
            if token is not None:
                _check(token, request)
                keys[PARENT_KEY_ID] = key_of(token)
        except Denied:
            return Response(_DENIED, 403, mimetype="text/xml")(environ, start_response)
        gate = Gate(self._objects, find_key=keys.get, region=REGION, clock=time.time)
        return gate(environ, start_response)


@click.command()
@click.option("--port", type=int, required=True)
def main(port: int) -> None:
    moto = DomainDispatcherApplication(create_backend_app)
    for bucket in (BUCKET, VERSIONED_BUCKET):
        Client(moto).put(f"/{bucket}")  # in moto's own region: it knows no `auto`
    store = R2Store(moto, os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    make_server(
        "127.0.0.1", port, store, threaded=True, request_handler=RequestHandler
    ).serve_forever()


def key_files(directory: Path, secret: str = PARENT_SECRET) -> dict[str, str]:
    """Write the parent's keys into files, and return the settings that name them."""
    texts = {"access_key_id_file": PARENT_KEY_ID, "secret_access_key_file": secret}
    for name, text in texts.items():
        (directory / name).write_text(text)
    return {name: str(directory / name) for name in texts}


@contextmanager
def r2_store(directory: Path) -> Iterator[Store]:
    """Run the store with two buckets. Its role is none of R2's: see `r2_settings`."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "tests.support.r2_store", "--port", str(port)]
    root = {"AWS_ACCESS_KEY_ID": ROOT_KEY_ID, "AWS_SECRET_ACCESS_KEY": ROOT_SECRET}
    style = Config(s3={"addressing_style": "path"}, response_checksum_validation="when_required")
    with (
        run_process(command, directory, f"{url}{HEALTH}", **root),
        closing(
            boto3.client("s3", endpoint_url=url, region_name=REGION, config=style, **ROOT_KEYS)
        ) as admin,
    ):
        yield Store(
            name="r2",
            endpoint_url=url,
            sts_endpoint_url="",
            region=REGION,
            access_key_id="",
            secret_access_key="",
            role_arn="",
            _admin=admin,
        )


def r2_settings(directory: Path) -> dict[str, Any]:
    """Return what a bucket of this store has in place of a role."""
    return {
        "role_arn": None,
        "sts_endpoint_url": None,
        "credentials": "r2",
        "account_id": ACCOUNT,
        **key_files(directory),
    }


if __name__ == "__main__":
    main()
