"""Each operation of the service once, sent as it was answered."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from tests.support.service import RunningService, post_form, send
from tests.support.stores import Store

BODY: Final = b"hello, store"


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

    def there(self) -> str:
        """Put an object, and return its version id."""
        return self.store.put(self.key, BODY)


def _download(client: OperationClient) -> httpx.Response:
    client.there()
    return client.sign("download-urls")


def _download_of_a_version(client: OperationClient) -> httpx.Response:
    return client.sign("download-urls", version_id=client.there())


def _head(client: OperationClient) -> httpx.Response:
    client.there()
    return client.sign("head-urls")


def _upload(client: OperationClient) -> httpx.Response:
    return client.sign("upload-urls", BODY, content_length=len(BODY))


def _upload_with_tags(client: OperationClient) -> httpx.Response:
    return client.sign("upload-urls", BODY, content_length=len(BODY), tags={"team": "billing"})


def _form(client: OperationClient) -> httpx.Response:
    fields = {"key": client.key, "overwrite": True, "max_content_length": len(BODY)}
    form = client.service.sign("upload-forms", content_type="text/plain", **fields).answer
    return post_form(form["url"], form["fields"], BODY)


def _delete(client: OperationClient) -> httpx.Response:
    return client.sign("delete-urls")


def _delete_of_a_version(client: OperationClient) -> httpx.Response:
    return client.sign("delete-urls", version_id=client.there())


def _list(client: OperationClient) -> httpx.Response:
    signed = client.service.sign("list-urls", prefix=client.key)
    return send(signed)


def _check(client: OperationClient) -> httpx.Response:
    client.there()
    return client.post("object-checks")


def _check_of_nothing(client: OperationClient) -> httpx.Response:
    return client.post("object-checks")


def _multipart(client: OperationClient) -> httpx.Response:
    """Complete an upload, and complete it again."""
    created = client.post("multipart-uploads", content_length=len(BODY))
    if not created.is_success:
        return created
    upload = created.json()
    [part] = upload["parts"]
    sent = httpx.put(
        part["url"], content=BODY, headers=part["headers"], trust_env=False, timeout=60
    )
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


OPERATIONS: Final[Mapping[str, Callable[[OperationClient], httpx.Response]]] = {
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
