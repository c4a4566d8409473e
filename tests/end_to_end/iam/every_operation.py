"""Each operation of the service once, sent as it was answered."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from tests.support.service import RunningService, as_signed, post_form, send
from tests.support.stores import BODY, Store


@dataclass(frozen=True)
class OperationClient:
    """The service in front of a versioned bucket, and an unused key."""

    service: RunningService
    store: Store
    key: str

    def sign(self, path: str, body: bytes | None = None, **fields: Any) -> httpx.Response:
        return send(self.service.sign(path, **{"key": self.key, **fields}), body)

    def post(self, path: str, **fields: Any) -> httpx.Response:
        place = {"bucket": "objects", "key": self.key}
        return self.service.client.post(f"/v1/{path}", json={**place, **fields})

    def of_an_object(self, path: str) -> httpx.Response:
        self.store.put(self.key)
        return self.sign(path)

    def of_a_version(self, path: str) -> httpx.Response:
        return self.sign(path, version_id=self.store.put(self.key))


def _copy(client: OperationClient, *, of_a_version: bool = False) -> httpx.Response:
    source = f"{client.key}.source"
    version = {"version_id": client.store.put(source)} if of_a_version else {}
    if not of_a_version:
        client.store.put(source)
    return client.sign("copy-urls", source={"key": source, **version}, overwrite=True)


def _form(client: OperationClient) -> httpx.Response:
    fields = {"key": client.key, "overwrite": True, "max_content_length": len(BODY)}
    form = client.service.sign("upload-forms", content_type="text/plain", **fields).answer
    return post_form(form["url"], form["fields"], BODY)


def _versions(client: OperationClient) -> httpx.Response:
    asked = {"bucket": "objects", "prefix": client.key}
    return client.service.client.get("/v1/object-versions", params=asked)


def _check(client: OperationClient) -> httpx.Response:
    client.store.put(client.key)
    return client.post("object-checks")


def _multipart(client: OperationClient) -> httpx.Response:
    """Complete an upload, and complete it again."""
    created = client.post("multipart-uploads", content_length=len(BODY))
    if not created.is_success:
        return created
    upload = created.json()
    [part] = upload["parts"]
    sent = send(as_signed(part), BODY)
    parts = [{"part_number": 1, "etag": sent.headers.get("etag", '"none"')}]
    path = f"multipart-uploads/{upload['upload_id']}/complete"
    ended = client.post(path, content_length=len(BODY), parts=parts)
    if not (sent.is_success and ended.is_success):
        return ended if sent.is_success else sent
    return client.post(path, content_length=len(BODY), parts=parts)


def _abort(client: OperationClient) -> httpx.Response:
    created = client.post("multipart-uploads", content_length=len(BODY))
    if not created.is_success:
        return created
    path = f"/v1/multipart-uploads/{created.json()['upload_id']}"
    return client.service.client.delete(path, params={"bucket": "objects", "key": client.key})


UPLOAD: Final[dict[str, Any]] = {"body": BODY, "content_length": len(BODY)}
OPERATIONS: Final[Mapping[str, Callable[[OperationClient], httpx.Response]]] = {
    "download": lambda client: client.of_an_object("download-urls"),
    "download of a version": lambda client: client.of_a_version("download-urls"),
    "head": lambda client: client.of_an_object("head-urls"),
    "upload": lambda client: client.sign("upload-urls", **UPLOAD),
    "upload with tags": lambda client: client.sign("upload-urls", **UPLOAD, tags={"a": "b"}),
    "copy": _copy,
    "copy of a version": lambda client: _copy(client, of_a_version=True),
    "form": _form,
    "delete": lambda client: client.sign("delete-urls"),
    "delete of a version": lambda client: client.of_a_version("delete-urls"),
    "list": lambda client: send(client.service.sign("list-urls", prefix=client.key)),
    "list of versions": _versions,
    "check": _check,
    "check of nothing": lambda client: client.post("object-checks"),
    "multipart": _multipart,
    "abort": _abort,
}


def refused_operations(service: RunningService, store: Store) -> set[str]:
    """Return the operations that fail because a permission is missing."""
    desks = {
        name: OperationClient(service, store, f"iam/{uuid.uuid4().hex}.txt") for name in OPERATIONS
    }
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
