"""Two callers of one service, over HTTP: each gets its own objects and none of the other's."""

import uuid
from pathlib import Path
from typing import Any, Final

import httpx

from tests.end_to_end.by_hand import CALLERS, KEY_OF_A, KEY_OF_B
from tests.support.service import (
    RunningService,
    as_signed,
    post_form,
    run_service,
    send,
)
from tests.support.stores import BODY, Store

ASKS: Final[dict[str, dict[str, Any]]] = {
    "download-urls": {"key": "{}"},
    "head-urls": {"key": "{}"},
    "upload-urls": {"key": "{}", "content_length": len(BODY)},
    "upload-forms": {"key_prefix": "{}", "filename": "x", "max_content_length": 100},
    "list-urls": {"prefix": "{}"},
    "delete-urls": {"key": "{}"},
}


def ask(service: RunningService, path: str, key: str, who: str) -> httpx.Response:
    body = {name: key if value == "{}" else value for name, value in ASKS[path].items()}
    headers = {"Authorization": f"Bearer {who}"}
    return service.client.post(f"/v1/{path}", json={"bucket": "objects", **body}, headers=headers)


def test_each_caller_reaches_its_own_prefix_by_its_own_session(
    ministack: Store, tmp_path: Path
) -> None:
    name, key_ids = f"{uuid.uuid4().hex}/", set()
    with run_service(ministack, tmp_path, callers=CALLERS) as service:
        for who, own, other in ((KEY_OF_A, "a/", "b/"), (KEY_OF_B, "b/", "a/")):
            given = {path: ask(service, path, own + name, who).json() for path in ASKS}
            for path in ASKS:
                for elsewhere in (other, "", own[0] + own, f"/{own}"):
                    refused = ask(service, path, elsewhere + name, who)
                    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
            put = given["upload-urls"]
            assert send(as_signed(put), BODY).is_success
            assert ministack.content(own + name) == BODY
            form = given["upload-forms"]
            assert post_form(form["url"], form["fields"], BODY).is_success
            key_ids.add(httpx.URL(put["url"]).params["X-Amz-Credential"])
    assert len(key_ids) == 2
