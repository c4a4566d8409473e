"""Two callers of one service, over HTTP: each gets its own objects and none of the other's."""

import uuid
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from tests.end_to_end.by_hand import BODY, CALLERS, KEY_OF_A, KEY_OF_B, content
from tests.support.service import RunningService, post_form, run_service
from tests.support.stores import Store


@pytest.fixture(name="name")
def _name() -> str:
    return f"{uuid.uuid4().hex}.txt"


@pytest.fixture(name="running", scope="module")
def _running(
    ministack: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    with run_service(ministack, tmp_path_factory.mktemp("isolation"), callers=CALLERS) as service:
        yield service


ASKS: Final[dict[str, dict[str, Any]]] = {
    "download-urls": {"key": "{}"},
    "head-urls": {"key": "{}"},
    "upload-urls": {"key": "{}", "content_length": len(BODY)},
    "upload-forms": {"key_prefix": "{}", "filename": "x", "max_content_length": 100},
    "list-urls": {"prefix": "{}"},
    "delete-urls": {"key": "{}"},
}


def ask(service: RunningService, path: str, key: str, who: str, **more: Any) -> httpx.Response:
    body = {name: key if value == "{}" else value for name, value in ASKS[path].items()}
    return service.client.post(
        f"/v1/{path}",
        json={"bucket": "objects", **body, **more},
        headers={"Authorization": f"Bearer {who}"},
    )


@pytest.mark.parametrize("path", ASKS)
def test_a_caller_gets_its_own_prefix_and_no_other(running: RunningService, path: str) -> None:
    for who, own, other in ((KEY_OF_A, "a/", "b/"), (KEY_OF_B, "b/", "a/")):
        assert ask(running, path, f"{own}x/", who).status_code == 200
        for elsewhere in (f"{other}x/", "x/", f"{own[0]}{own}", f"/{own}x/"):
            refused = ask(running, path, elsewhere, who)
            assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


def test_an_unknown_bucket_gets_the_same_refusal(running: RunningService) -> None:
    one = ask(running, "download-urls", "b/x", KEY_OF_A)
    other = ask(running, "download-urls", "a/x", KEY_OF_A, bucket="nowhere")
    tell = [{k: v for k, v in each.json().items() if k != "request_id"} for each in (one, other)]
    assert tell[0] == tell[1]
    assert (one.status_code, other.status_code) == (403, 403)


def test_each_callers_urls_work_and_use_its_own_session(
    running: RunningService, ministack: Store, name: str
) -> None:
    key_ids = set()
    for who, prefix in ((KEY_OF_A, "a/"), (KEY_OF_B, "b/")):
        signed = ask(running, "upload-urls", prefix + name, who).json()
        answer = httpx.put(
            signed["url"], content=BODY, headers=signed["headers"], trust_env=False, timeout=60
        )
        assert answer.is_success, answer.text
        key_ids.add(httpx.URL(signed["url"]).params["X-Amz-Credential"])
        form = ask(running, "upload-forms", prefix, who).json()
        assert post_form(form["url"], form["fields"], BODY).is_success
        assert content(ministack, prefix + name) == BODY
    assert len(key_ids) == 2
