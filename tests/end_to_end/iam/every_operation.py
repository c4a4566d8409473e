"""Each operation of the service once, sent as it was answered."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from tests.end_to_end.by_hand import stored
from tests.support.service import RunningService, post_form, send
from tests.support.stores import Store

BODY: Final = b"hello, store"


@dataclass(frozen=True)
class Desk:
    """The service in front of a versioned bucket, and an unused key."""

    service: RunningService
    store: Store
    key: str

    def sign(self, path: str, body: bytes | None = None, **ask: Any) -> httpx.Response:
        return send(self.service.sign(path, **{"key": self.key, **ask}), body)

    def post(self, path: str, **ask: Any) -> httpx.Response:
        place = {"bucket": "objects", "key": self.key}
        return self.service.client.post(f"/v1/{path}", json={**place, **ask})

    def there(self) -> str:
        """Put an object, and return its version id."""
        return stored(self.store, self.key, body=BODY)


def _download(desk: Desk) -> httpx.Response:
    desk.there()
    return desk.sign("download-urls")


def _download_of_a_version(desk: Desk) -> httpx.Response:
    return desk.sign("download-urls", version_id=desk.there())


def _head(desk: Desk) -> httpx.Response:
    desk.there()
    return desk.sign("head-urls")


def _upload(desk: Desk) -> httpx.Response:
    return desk.sign("upload-urls", BODY, content_length=len(BODY))


def _upload_with_tags(desk: Desk) -> httpx.Response:
    return desk.sign("upload-urls", BODY, content_length=len(BODY), tags={"team": "billing"})


def _form(desk: Desk) -> httpx.Response:
    ask = {"key": desk.key, "overwrite": True, "max_content_length": len(BODY)}
    form = desk.service.sign("upload-forms", content_type="text/plain", **ask).answer
    return post_form(form["url"], form["fields"], BODY)


def _delete(desk: Desk) -> httpx.Response:
    return desk.sign("delete-urls")


def _delete_of_a_version(desk: Desk) -> httpx.Response:
    return desk.sign("delete-urls", version_id=desk.there())


def _list(desk: Desk) -> httpx.Response:
    signed = desk.service.sign("list-urls", prefix=desk.key)
    return send(signed)


def _check(desk: Desk) -> httpx.Response:
    desk.there()
    return desk.post("object-checks")


def _check_of_nothing(desk: Desk) -> httpx.Response:
    return desk.post("object-checks")


def _multipart(desk: Desk) -> httpx.Response:
    """Complete an upload, and complete it again."""
    created = desk.post("multipart-uploads", content_length=len(BODY))
    if not created.is_success:
        return created
    upload = created.json()
    [part] = upload["parts"]
    sent = httpx.put(
        part["url"], content=BODY, headers=part["headers"], trust_env=False, timeout=60
    )
    parts = [{"part_number": 1, "etag": sent.headers.get("etag", '"none"')}]
    path = f"multipart-uploads/{upload['upload_id']}/complete"
    ended = desk.post(path, content_length=len(BODY), parts=parts)
    if not (sent.is_success and ended.is_success):
        return ended if sent.is_success else sent
    return desk.post(path, content_length=len(BODY), parts=parts)


def _abort(desk: Desk) -> httpx.Response:
    created = desk.post("multipart-uploads", content_length=len(BODY))
    if not created.is_success:
        return created
    path = f"/v1/multipart-uploads/{created.json()['upload_id']}"
    return desk.service.client.delete(path, params={"bucket": "objects", "key": desk.key})


OPERATIONS: Final[Mapping[str, Callable[[Desk], httpx.Response]]] = {
    "download": _download,
    "download of a version": _download_of_a_version,
    "head": _head,
    "upload": _upload,
    "upload with tags": _upload_with_tags,
    "form": _form,
    "delete": _delete,
    "delete of a version": _delete_of_a_version,
    "list": _list,
    "check": _check,
    "check of nothing": _check_of_nothing,
    "multipart": _multipart,
    "abort": _abort,
}


def refused_operations(service: RunningService, store: Store) -> set[str]:
    """Return the operations that fail because a permission is missing."""
    desks = {name: Desk(service, store, f"iam/{uuid.uuid4().hex}.txt") for name in OPERATIONS}
    return {name for name, act in OPERATIONS.items() if is_refused(act(desks[name]))}


# A HEAD has no body. Without the right to list, a repeated completion is not recognised.
_WORDS: Final = ("AccessDenied", "The store refused: 403.", "upload_not_found")


def is_refused(answer: httpx.Response) -> bool:
    """Whether a permission was missing, for us or for the service."""
    if answer.is_success:
        return False
    reported = answer.request.method == "HEAD" or any(word in answer.text for word in _WORDS)
    assert reported, f"{answer.status_code} {answer.text}"
    return True
