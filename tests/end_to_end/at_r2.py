"""The service at a stub that keeps the actions and paths of R2's tokens: tests/support/r2_store.py."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from service.auth.api_keys import digest_of
from service.config.key_files import KEY_BYTES, new_key
from tests.end_to_end.client import Command
from tests.support.factories import OPERATIONS
from tests.support.gate import gate_to
from tests.support.r2_store import PARENT_KEY_ID, REGION, key_of, r2_settings, r2_store
from tests.support.service import RunningService, make_caller, run_service
from tests.support.stores import BODY, Store

READS_A: Final = "reads-a"
PROGRAM: Final = "program"
MIXED: Final = "mixed"
PUBLIC_URL: Final = "https://files.test"


def grant(prefix: str, *allow: str) -> dict[str, Any]:
    return {"bucket": "objects", "prefix": prefix, "allow": [*allow], "allow_overwrite": True}


def caller(name: str, *grants: dict[str, Any]) -> dict[str, Any]:
    return {"api_key": name, "sha256": [digest_of(name)], "grants": [*grants]}


EVERYTHING: Final = make_caller(
    "tests", "end-to-end", "", allow=[each for each in OPERATIONS if each != "link"]
)
CALLERS: Final = [
    EVERYTHING | {"grants": [*EVERYTHING["grants"], grant("", "download", "link", "sign")]},
    caller(
        READS_A,
        grant("a/", "download", "list", "check"),
        grant("b/", "upload", "multipart"),
        grant("one.txt", "download"),
    ),
    caller(
        PROGRAM,
        grant("a/", "download", "list", "upload", "credentials"),
        grant("c/", "upload", "list", "download", "credentials"),
    ),
    caller(
        MIXED,
        grant("a/", "download", "credentials"),
        grant("b/", "upload", "multipart", "delete", "sign", "credentials"),
    ),
]


@dataclass(frozen=True)
class AtR2:
    store: Store
    service: RunningService
    command: Command
    directory: Path

    def sign(self, path: str, key: str, *, who: str, **body: Any) -> Any:
        reply = self.service.client.post(
            f"/v1/{path}",
            json={"bucket": "objects", "key": key, **body},
            headers={"Authorization": f"Bearer {who}"},
        )
        assert reply.status_code == 200, reply.text
        return reply.json()

    def output(self) -> str:
        return (self.directory / "output.log").read_text()


@contextmanager
def run_at_r2(directory: Path, store_directory: Path) -> Iterator[AtR2]:
    key = directory / "link-key"
    key.write_text(new_key(os.urandom(KEY_BYTES)))
    top = {
        "links": {"keys": [str(key)]},
        "server": {"drain_seconds": 0, "public_url": PUBLIC_URL},
    }
    with (
        r2_store(store_directory) as store,
        gate_to(store.endpoint_url) as gate,
        run_service(
            store, directory, callers=CALLERS, top=top, **r2_settings(directory)
        ) as service,
    ):
        command = Command(store=store, gate=gate, service=service, state=directory / "state")
        yield AtR2(store, service, command, directory)


def client_of(store: Store, token: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=store.endpoint_url,
        region_name=REGION,
        aws_access_key_id=PARENT_KEY_ID,
        aws_secret_access_key=key_of(token).secret_access_key,
        aws_session_token=token,
        config=Config(s3={"addressing_style": "path"}),
    )


def allowed(store: Store, token: str) -> list[str]:
    """Return which of many calls a program may make that signs with the secret of a token."""
    for key in ("a/x", "a/x.old", "one.txt", "b/x"):
        store.put(key)
    found = list[str]()
    for what, call in _calls(client_of(store, token), store).items():
        try:
            call()
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 403:
                continue
        found.append(what)  # also if there is no such upload
    return found


def _calls(client: Any, store: Store) -> dict[str, Callable[[], object]]:
    bucket = store.bucket
    a, b = {"Bucket": bucket, "Key": "a/x"}, {"Bucket": bucket, "Key": "b/x"}
    part = {"UploadId": "none", "PartNumber": 1}
    return {
        "get a/x": lambda: client.get_object(**a),
        "head a/x": lambda: client.head_object(**a),
        "get a/x.old": lambda: client.get_object(Bucket=bucket, Key="a/x.old"),
        "get b/x": lambda: client.get_object(**b),
        "get one.txt": lambda: client.get_object(Bucket=bucket, Key="one.txt"),
        "list a/": lambda: client.list_objects_v2(Bucket=bucket, Prefix="a/"),
        "list": lambda: client.list_objects_v2(Bucket=bucket),
        "put a/x": lambda: client.put_object(**a, Body=BODY),
        "put b/x": lambda: client.put_object(**b, Body=BODY),
        "copy a/x to b/x": lambda: client.copy_object(**b, CopySource=a),
        "copy b/x to a/x": lambda: client.copy_object(**a, CopySource=b),
        "copy one.txt to b/x": lambda: client.copy_object(
            **b, CopySource={"Bucket": bucket, "Key": "one.txt"}
        ),
        "begin b/x": lambda: client.create_multipart_upload(**b),
        "part of a/x": lambda: client.upload_part(**a, **part, Body=BODY),
        "part of b/x": lambda: client.upload_part(**b, **part, Body=BODY),
        "parts of b/x": lambda: client.list_parts(**b, UploadId="none"),
        "abort b/x": lambda: client.abort_multipart_upload(**b, UploadId="none"),
        "get elsewhere": lambda: client.get_object(Bucket=store.versioned_bucket, Key="a/x"),
        "delete a/x": lambda: client.delete_object(**a),
        "delete b/x": lambda: client.delete_object(**b),
    }
