"""What `presign check` says that a caller may do is what the service lets it do."""

import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import combinations
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import pytest

from service.app.protocols import PROTOCOLS, AnyProtocol
from service.app.settings import Settings
from service.auth.api_keys import digest_of
from service.config.key_files import new_key
from service.protocols import (
    arrivals,
    build_caches,
    credentials,
    git_lfs,
    hugging_face,
    links,
    mcp,
    mlflow,
    package_index,
    remote_signing,
    uppy,
)
from service.protocols.checked import Check
from tests.cli.invoking import rights_by_caller
from tests.protocols.arrivals.factories import SECRET, body_of, make_record
from tests.protocols.mlflow.harness import API, MlflowStore
from tests.support.app import make_open_grant, run_app

MIB: Final = 1024**2
ALLOWED: Final = frozenset({200, 201, 204, 307})
REFUSED: Final = frozenset({403, 428, 501})
BUCKET: Final = {"region": "eu-west-1", "role_arn": "arn:aws:iam::111122223333:role/presign"}
ROOTS: Final = {"team": {"bucket": "demo", "prefix": "a/"}}
SENT: Final = {"content": b"12345"}
HOOK: Final = "https://hooks.example/"
EVENTS: Final = body_of(make_record(key="no/hook/wants/it"))


SHOW_ACCESS: Final = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "show_access"},
}


class Sent(NamedTuple):
    """A request, and what else httpx takes for it."""

    method: str
    path: str
    more: Mapping[str, Any] = {}


def batch(operation: str, text: str, size: int = 5, transfer: str = "basic") -> Sent:
    listed = [{"oid": hashlib.sha256(text.encode()).hexdigest(), "size": size}]
    body = {"operation": operation, "objects": listed, "transfers": [transfer]}
    return Sent("POST", "/lfs/team/objects/batch", {"json": body})


def signed(method: str) -> Sent:
    uri = {"region": "eu-west-1", "method": method, "uri": "https://demo.s3.example/a/b"}
    return Sent("POST", "/sign/demo/v1/aws/s3/sign", {"json": {**uri, "headers": {}}})


def called(tool: str, **arguments: Any) -> Sent:
    """A call of a tool, which takes the arguments of an object unless they are given."""
    sent = arguments or {"bucket": "demo", "key": "a/file"}
    params = {"name": tool, "arguments": sent}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return Sent("POST", "/mcp", {"json": message})


# By protocol: its settings, the operations of grants that matter to it, and by what `presign check`
# says, the requests that it then must answer.
CASES: Final[list[tuple[AnyProtocol, Mapping[str, Any], str, Mapping[str, list[Sent]]]]] = [
    (
        git_lfs.PROTOCOL,
        {"git_lfs": {"repositories": ROOTS, "multipart_threshold": 5 * MIB}},
        "check download upload multipart",
        {
            "pull": [batch("download", "stored")],
            "push": [batch("upload", "new")],
            "push in parts": [batch("upload", "new", 6 * MIB, "multipart")],
        },
    ),
    (
        mlflow.PROTOCOL,
        {"mlflow": {"roots": ROOTS}},
        "download head list upload multipart delete",
        {
            "read": [
                Sent("GET", f"{API}/artifacts?path=team"),
                Sent("GET", f"{API}/artifacts/team/file"),
                Sent("GET", f"{API}/presigned/team/file"),
            ],
            "write small files": [Sent("PUT", f"{API}/artifacts/team/new", SENT)],
            "write large files": [
                Sent("POST", f"{API}/mpu/create/team", {"json": {"path": "/x", "num_parts": 1}})
            ],
            "delete": [Sent("DELETE", f"{API}/artifacts/team/other")],
        },
    ),
    (
        package_index.PROTOCOL,
        {"package_index": ROOTS},
        "list download",
        {
            "list all projects": [Sent("GET", "/simple/team/")],
            "download the files of all projects": [
                Sent("GET", "/simple/team/project/"),
                Sent("GET", "/o/demo/a/project/project-1.zip"),
            ],
        },
    ),
    (
        hugging_face.PROTOCOL,
        {"hugging_face": {"models": ROOTS["team"]}},
        "list download",
        {
            "read all models": [
                Sent("GET", "/hf/api/models/acme/llama"),
                Sent("GET", "/hf/acme/llama/resolve/main/file"),
            ]
        },
    ),
    (
        build_caches.PROTOCOL,
        {"build_caches": {"web": {"bucket": "demo", "trusted": "a/", "others": "b/"}}},
        "check download upload",
        {
            "read": [
                Sent("GET", "/caches/web/v8/artifacts/stored"),
                Sent("GET", "/caches/web/v1/cache/stored"),
            ],
            "write what is trusted": [Sent("PUT", "/caches/web/v1/cache/new", SENT)],
        },
    ),
    (
        uppy.PROTOCOL,
        {"uppy": {"bucket": "demo", "prefix": "u/{caller}/"}},
        "form multipart",
        {
            "upload in one piece": [Sent("GET", "/uppy/s3/params?filename=a")],
            "make multipart uploads": [
                Sent("POST", "/uppy/s3/multipart", {"json": {"filename": "a"}})
            ],
        },
    ),
    (
        links.PROTOCOL,
        {},
        "link download upload",
        {
            "let others download": [
                Sent("POST", "/v1/links", {"json": {"bucket": "demo", "key": "a"}})
            ],
            "let others upload": [
                Sent(
                    "POST",
                    "/v1/links",
                    {"json": {"bucket": "demo", "prefix": "a/", "operations": ["upload"]}},
                )
            ],
        },
    ),
    (
        mcp.PROTOCOL,
        {"mcp": True},
        "list head download upload delete link",
        {
            "use show_access": [Sent("POST", "/mcp", {"json": SHOW_ACCESS})],
            "list_files": [called("list_files", bucket="demo")],
            "find_files": [called("find_files", bucket="demo", pattern="*")],
            "describe_file": [called("describe_file")],
            "sign_download": [called("sign_download")],
            "sign_upload": [
                called("sign_upload", bucket="demo", key="a", size=5, overwrite=True),
            ],
            "sign_copy": [
                called("sign_copy", bucket="demo", key="a", to_key="b", overwrite=True),
            ],
            "sign_delete": [called("sign_delete")],
            "create_link": [called("create_link")],
        },
    ),
    (
        remote_signing.PROTOCOL,
        {},
        "sign versions check form notify download",
        {"sign its own S3 requests": [signed("GET")]},
    ),
    (
        arrivals.PROTOCOL,
        {"arrivals": {"hooks": {"billing": {**ROOTS["team"], "url": HOOK, "secret": SECRET}}}},
        "notify download",
        {"push events": [Sent("POST", "/v1/store-events", {"content": EVENTS})]},
    ),
    (
        credentials.PROTOCOL,
        {},
        "credentials versions download",
        {"download": [Sent("GET", "/v1/credentials/demo")]},
    ),
]


def subsets(operations: str) -> Iterator[list[str]]:
    names = operations.split()
    for count in range(len(names) + 1):
        yield from map(list, combinations(names, count))


def document(directory: Path, sections: Mapping[str, Any], operations: str) -> dict[str, Any]:
    """One caller for each set of the operations, by their names."""
    key = directory / "link.key"
    key.write_text(new_key(b"k" * 32))
    callers = [
        {
            "api_key": "-".join(["may", *allow]),
            "sha256": [digest_of("-".join(["may", *allow]))],
            "grants": [make_open_grant(allow=allow)] if allow else [],
        }
        for allow in subsets(operations)
    ]
    return {
        "server": {"public_url": "https://files.example.com"},
        "buckets": {"demo": BUCKET},
        "callers": callers,
        "links": {"keys": [str(key)]},
        **sections,
    }


@asynccontextmanager
async def served(configured: dict[str, Any]) -> AsyncIterator[httpx.AsyncClient]:
    store = MlflowStore()
    oid = hashlib.sha256(b"stored").hexdigest()
    keys = (
        *("a", "a/file", "a/project/project-1.zip", "a/acme/llama/main/file"),
        *("a/turborepo/stored", "a/nx/stored"),
        f"a/{oid[:2]}/{oid[2:4]}/{oid}",
    )
    store.objects |= dict.fromkeys(keys, ('"etag"', 5))
    async with run_app(Settings.model_validate(configured), store_transport=store) as client:
        yield client


async def is_answered(client: httpx.AsyncClient, secret: str, sent: Sent) -> bool:
    headers = {"Authorization": f"Bearer {secret}"}
    answer = await client.request(sent.method, sent.path, headers=headers, **sent.more)
    if answer.status_code == 422:
        assert answer.json()["code"] == "create_only_unsupported"
        return False
    if answer.status_code == 404:  # as the Hub and the cache of Nx refuse
        assert "forbidden" in answer.text
        return False
    assert answer.status_code in ALLOWED | REFUSED, answer.text
    if sent.path == "/mcp":  # a refusal is an answer there
        return not answer.json().get("result", {"isError": True})["isError"]
    return answer.status_code in ALLOWED


@pytest.mark.parametrize("creates_only", [True, False], ids=["", "without conditional writes"])
@pytest.mark.parametrize(
    ("protocol", "sections", "operations", "requests"),
    CASES,
    ids=[protocol.name for protocol, *_ in CASES],
)
async def test_check_says_what_the_service_allows(
    tmp_path: Path,
    protocol: AnyProtocol,
    sections: Mapping[str, Any],
    operations: str,
    requests: Mapping[str, list[Sent]],
    *,
    creates_only: bool,
) -> None:
    buckets = {"demo": {**BUCKET, "conditional_writes": creates_only}}
    configured = document(tmp_path, {**sections, "buckets": buckets}, operations)
    said, found = await rights_of(configured, protocol, requests)
    assert said == found
    assert set().union(*said.values()) == requests.keys() or not creates_only


async def rights_of(
    configured: dict[str, Any], protocol: AnyProtocol, requests: Mapping[str, list[Sent]]
) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Return what `presign check` says that each caller may do, and what the service answers."""
    said = {
        caller: {right for right in rights if right in requests}
        for caller, rights in rights_by_caller(configured, protocol).items()
    }
    found: dict[str, set[str]] = {}
    async with served(configured) as client:
        for caller in configured["callers"]:
            secret = caller["api_key"]
            found[f"API key {secret}"] = {
                right
                for right, all_of_it in requests.items()
                if all([await is_answered(client, secret, sent) for sent in all_of_it])
            }
    return said, found


def test_each_protocol_with_rights_is_asked() -> None:
    without = Check[None]()
    assert {protocol for protocol, *_ in CASES} == {
        protocol
        for protocol in PROTOCOLS
        if (protocol.check.targets, protocol.check.rights) != (without.targets, without.rights)
    }
