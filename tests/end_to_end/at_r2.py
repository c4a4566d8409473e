"""The service at a stub that keeps the actions and paths of R2's tokens: tests/support/r2_store.py."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config

from service.auth.api_keys import digest_of
from tests.end_to_end.client import Command
from tests.support.factories import OPERATIONS
from tests.support.gate import gate_to
from tests.support.r2_store import PARENT_KEY_ID, REGION, key_of, r2_settings, r2_store
from tests.support.service import RunningService, make_caller, run_service
from tests.support.stores import Store

READS_A: Final = "reads-a"
PROGRAM: Final = "program"
MIXED: Final = "mixed"


def grant(prefix: str, *allow: str) -> dict[str, Any]:
    return {"bucket": "objects", "prefix": prefix, "allow": [*allow], "allow_overwrite": True}


def caller(name: str, *grants: dict[str, Any]) -> dict[str, Any]:
    return {"api_key": name, "sha256": [digest_of(name)], "grants": [*grants]}


CALLERS: Final = [
    make_caller("tests", "end-to-end", "", allow=[each for each in OPERATIONS if each != "link"]),
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
    with (
        r2_store(store_directory) as store,
        gate_to(store.endpoint_url) as gate,
        run_service(store, directory, callers=CALLERS, **r2_settings(directory)) as service,
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
