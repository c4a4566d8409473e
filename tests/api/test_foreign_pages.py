"""Pages of other origins, in a browser that has saved the user's password."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import pytest

from service.app.served_protocols import protocol_routers
from service.app.settings import Settings
from tests.protocols.git_lfs.harness import REPOSITORIES, LfsStore, lfs_object
from tests.support.app import API_KEY, make_app_settings, make_open_grant, run_app

PAGE: Final = "https://app.example.com"
PASSWORD: Final = f"Basic {b64encode(f'x:{API_KEY}'.encode()).decode()}"
BATCH: Final = "/lfs/design/objects/batch"
CREATE: Final = "/api/2.0/mlflow-artifacts/mpu/create/team/run"
LFS_TYPE: Final = "application/vnd.git-lfs+json"
BODIES: Final[dict[str, dict[str, Any]]] = {
    BATCH: {"operation": "upload", "objects": [lfs_object(1)]},
    CREATE: {"path": "model.bin", "num_parts": 2},
}
FORM_TYPES: Final = (
    *("text/plain", "Text/Plain; charset=utf-8", "text/plain;charset=UTF-8"),
    *("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""),
)


def make_settings() -> Settings:
    return make_app_settings(
        make_open_grant(),
        git_lfs={"repositories": REPOSITORIES},
        mlflow={"roots": {"team": {"bucket": "demo", "prefix": "mlflow/"}}},
        package_index={"pypi": {"bucket": "demo", "prefix": "pypi/"}},
        objects={},
        server={"cors_origins": [PAGE]},
    )


@pytest.fixture(name="audit")
def _audit() -> list[bytes]:
    return []


@pytest.fixture(name="client")
async def _client(audit: list[bytes]) -> AsyncIterator[httpx.AsyncClient]:
    """A client that authenticates by Basic. The service's own address is http://presign."""
    running = run_app(make_settings(), store_transport=LfsStore(), audit=audit.extend)
    async with running as client:
        client.headers["Authorization"] = PASSWORD
        client.base_url = httpx.URL("http://presign")
        yield client


async def send(
    client: httpx.AsyncClient, method: str, path: str, **headers: str
) -> tuple[int, str]:
    """Return the status and, of a refusal, its code. Names of headers have `_` for `-`."""
    sent = {name.replace("_", "-"): value for name, value in headers.items() if value}
    content = json.dumps(BODIES[path]).encode() if path in BODIES else None
    answer = await client.request(method, path, headers=sent, content=content)
    return answer.status_code, answer.json()["code"] if answer.is_error else ""


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("content_type", FORM_TYPES)
async def test_what_a_form_can_send_is_refused_with_a_password(
    client: httpx.AsyncClient, audit: list[bytes], path: str, content_type: str
) -> None:
    refused = await send(client, "POST", path, content_type=content_type)
    assert refused == (415, "unsupported_media_type")
    [line] = [json.loads(each) for each in audit]
    assert (line["decision"], line["reason"]) == ("denied", "unsupported_media_type")


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://presign:81", f"{PAGE}.evil", "file://"]
)
async def test_a_page_of_another_origin_cannot_use_the_password(
    client: httpx.AsyncClient, audit: list[bytes], path: str, origin: str
) -> None:
    refused = await send(client, "POST", path, content_type=LFS_TYPE, origin=origin)
    assert refused == (403, "forbidden")
    [line] = [json.loads(each) for each in audit]
    assert (line["decision"], line["reason"]) == ("denied", "forbidden")


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("origin", ["", "http://presign", "https://presign", PAGE])
@pytest.mark.parametrize("content_type", [LFS_TYPE, "application/json; charset=utf-8"])
async def test_own_and_listed_pages_may_use_the_password(
    client: httpx.AsyncClient, path: str, origin: str, content_type: str
) -> None:
    assert await send(client, "POST", path, content_type=content_type, origin=origin) == (200, "")


@pytest.mark.parametrize("path", BODIES)
async def test_a_bearer_token_needs_neither(client: httpx.AsyncClient, path: str) -> None:
    """No browser adds one by itself."""
    sent = {"origin": "https://evil.example", "content_type": "text/plain"}
    bearer = f"Bearer {API_KEY}"
    assert (await send(client, "POST", path, **sent, authorization=bearer))[0] == 200


ARTIFACT: Final = "/api/2.0/mlflow-artifacts/artifacts/team/notes.txt"


@pytest.mark.parametrize("path", [ARTIFACT, "/o/demo/notes.txt"])
async def test_a_put_of_text_stays_but_not_by_a_foreign_page(
    client: httpx.AsyncClient, path: str
) -> None:
    sent = {"content_type": "text/plain", "content_length": "5"}
    assert (await send(client, "PUT", path, **sent))[0] == 307
    refused = await send(client, "PUT", path, **sent, origin="https://evil.example")
    assert refused == (403, "forbidden")


def test_each_route_that_accepts_basic_and_changes_something_is_known() -> None:
    """A new one belongs into the tests of this module."""
    routes = [route for each in protocol_routers(make_settings()) for route in each.routes]
    changing = {
        (method, vars(route)["path"])
        for route in routes
        if getattr(route, "accepts_basic", False)
        for method in vars(route)["methods"] - {"GET", "HEAD"}
    }
    assert changing == {
        ("DELETE", "/api/2.0/mlflow-artifacts/artifacts/{path:path}"),
        ("DELETE", "/o/{path:path}"),
        ("POST", "/api/2.0/mlflow-artifacts/mpu/abort/{path:path}"),
        ("POST", "/api/2.0/mlflow-artifacts/mpu/complete/{path:path}"),
        ("POST", "/api/2.0/mlflow-artifacts/mpu/create/{path:path}"),
        ("POST", "/lfs/{repository}/locks"),
        ("POST", "/lfs/{repository}/locks/verify"),
        ("POST", "/lfs/{repository}/locks/{lock}/unlock"),
        ("POST", "/lfs/{repository}/objects/batch"),
        ("POST", "/lfs/{repository}/verify"),
        ("POST", "/v1/store-events"),
        ("PUT", "/api/2.0/mlflow-artifacts/artifacts/{path:path}"),
        ("PUT", "/o/{path:path}"),
    }
