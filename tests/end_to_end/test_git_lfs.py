"""What git-lfs and its agent for parts send, by hand, to stores that verify signatures."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from service.config.key_files import new_key
from tests.support.processes import free_ports
from tests.support.service import RunningService, run_service
from tests.support.stores import Store

MIB: Final = 1024**2
LARGE: Final = b"p" * (17 * MIB)


@pytest.fixture(name="lfs", scope="module")
def _lfs(
    verifying_store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    directory: Path = tmp_path_factory.mktemp("lfs")
    key = directory / "link.key"
    key.write_text(new_key(b"k" * 32))
    repositories = {"design": {"bucket": "objects", "prefix": "lfs/"}}
    (port,) = free_ports(1)
    top = {
        "server": {"drain_seconds": 0, "public_url": f"http://127.0.0.1:{port}"},
        "git_lfs": {"repositories": repositories, "multipart_threshold": "5MiB"},
        "links": {"keys": [str(key)]},
    }
    with run_service(verifying_store, directory, top=top, port=port) as service:
        yield service


def batch(lfs: RunningService, operation: str, content: bytes) -> dict[str, Any]:
    """Return the action for one object."""
    wanted = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content)}
    body = {"operation": operation, "transfers": ["multipart", "basic"], "objects": [wanted]}
    answer = lfs.client.post("/lfs/design/objects/batch", json=body)
    assert answer.status_code == 200, answer.text
    action: dict[str, Any] = answer.json()["objects"][0]["actions"][operation]
    return action


def send(method: str, action: dict[str, Any], body: bytes = b"") -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=60) as client:
        return client.request(method, action["href"], headers=action["header"], content=body)


def test_the_store_takes_only_the_bytes_of_the_oid_and_only_once(lfs: RunningService) -> None:
    content = b"of this oid"
    upload = batch(lfs, "upload", content)
    assert send("PUT", upload, b"another one").status_code == 400
    assert send("PUT", upload, content).status_code == 200
    assert send("PUT", upload, content).status_code == 412
    assert send("GET", batch(lfs, "download", content)).content == content


def test_an_agent_sends_parts_and_completes_them(lfs: RunningService) -> None:
    upload = batch(lfs, "upload", LARGE)
    header = dict(upload["header"])
    size, parts = int(header.pop("chunk_size")), []
    with httpx.Client(trust_env=False, timeout=60) as agent:  # it sends no Authorization
        for number, url in enumerate(header.values(), 1):
            put = agent.put(url, content=LARGE[(number - 1) * size : number * size])
            parts.append({"etag": put.headers["etag"], "partNumber": number})
        assert len(parts) == 2
        completion = {"oid": hashlib.sha256(LARGE).hexdigest(), "parts": parts}
        answer = agent.post(upload["href"], json=completion)
    assert answer.status_code == 200, answer.text
    assert send("GET", batch(lfs, "download", LARGE)).content == LARGE
