"""What a client made by openapi-python-client does: `… SOURCE TARGET KEY`.

SOURCE goes up as KEY and comes down again as TARGET; then a batch, a form, an upload in parts, and two
refusals. What the service answered is printed as JSON.
"""

import json
import os
import sys
from pathlib import Path
from typing import TypeVar

import httpx
from presign_client import AuthenticatedClient
from presign_client.api.downloads import create_download_url, create_download_url_batch
from presign_client.api.forms import create_upload_form
from presign_client.api.multipart_uploads import (
    complete_multipart_upload,
    create_multipart_upload,
    list_parts,
)
from presign_client.api.uploads import create_upload_url
from presign_client.models import (
    CompletedPart,
    CompleteUploadRequest,
    DownloadUrlBatchRequest,
    DownloadUrlRequest,
    MultipartUploadRequest,
    PresignedPart,
    PresignedRequest,
    Problem,
    StringMap,
    UploadFormRequest,
    UploadUrlRequest,
)

BUCKET = "objects"
PART_SIZE = 5 * 1024 * 1024

service = AuthenticatedClient(
    base_url=os.environ["PRESIGN_URL"],
    token=os.environ["PRESIGN_TOKEN"],
    raise_on_unexpected_status=True,
    timeout=httpx.Timeout(60),
)
store = httpx.Client(timeout=60)

Answer = TypeVar("Answer")


class Refused(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.code}: {problem.detail}")
        self.problem = problem


def given(answer: Answer | Problem | None) -> Answer:
    """The client returns problems like any answer."""
    if isinstance(answer, Problem):
        raise Refused(answer)
    assert answer is not None  # raise_on_unexpected_status leaves no such case
    return answer


def send(signed: PresignedRequest | PresignedPart, body: bytes = b"") -> bytes:
    answer = store.request(
        signed.method, signed.url, headers=signed.headers.to_dict(), content=body
    )
    return answer.raise_for_status().content


def upload(key: str, body: bytes) -> None:
    metadata = StringMap()
    metadata["author"] = "ann"
    ask = UploadUrlRequest(
        bucket=BUCKET,
        key=key,
        content_length=len(body),
        content_type="text/plain",
        metadata=metadata,
    )
    send(given(create_upload_url.sync(client=service, body=ask)), body)


def download(key: str) -> bytes:
    ask = DownloadUrlRequest(bucket=BUCKET, key=key)
    return send(given(create_download_url.sync(client=service, body=ask)))


def batch(*keys: str) -> dict[str, object]:
    items = [DownloadUrlRequest(bucket=BUCKET, key=key) for key in keys]
    answer = given(
        create_download_url_batch.sync(client=service, body=DownloadUrlBatchRequest(items=items))
    )
    signed = [result.request for result in answer.results if result.request]
    problems = [result.problem for result in answer.results if result.problem]
    return {
        "failed": answer.failed,
        "methods": [each.method for each in signed],
        "codes": [each.code for each in problems],
    }


def upload_by_form(body: bytes) -> str:
    ask = UploadFormRequest(
        bucket=BUCKET, key_prefix="inbox/", filename="ü.txt", max_content_length=len(body)
    )
    form = given(create_upload_form.sync(client=service, body=ask))
    fields = form.fields.to_dict()
    store.post(form.url, data=fields, files={"file": body}).raise_for_status()
    return form.key


def upload_in_parts(key: str, body: bytes) -> dict[str, object]:
    ask = MultipartUploadRequest(
        bucket=BUCKET, key=key, content_length=len(body), part_size=PART_SIZE
    )
    begun = given(create_multipart_upload.sync(client=service, body=ask))
    for part in begun.parts:
        start = (part.part_number - 1) * begun.part_size
        send(part, body[start : start + part.content_length])
    there = given(list_parts.sync(begun.upload_id, client=service, bucket=BUCKET, key=key))
    parts = [CompletedPart(part_number=each.part_number, etag=each.etag) for each in there.parts]
    made = given(
        complete_multipart_upload.sync(
            begun.upload_id,
            client=service,
            body=CompleteUploadRequest(
                bucket=BUCKET, key=key, content_length=len(body), parts=parts
            ),
        )
    )
    return {"parts": len(parts), "content_length": made.content_length}


def refusal(bucket: str, key: str) -> dict[str, object]:
    ask = DownloadUrlRequest(bucket=bucket, key=key)
    try:
        given(create_download_url.sync(client=service, body=ask))
    except Refused as refused:
        problem = refused.problem
        return {
            "status": problem.status,
            "code": problem.code,
            "detail": problem.detail,
            "pointers": [each.pointer for each in problem.errors or []],
            "shown": str(refused),
        }
    raise AssertionError("this was to be refused")


def main(source: str, target: str, key: str) -> None:
    body = Path(source).read_bytes()
    upload(key, body)
    Path(target).write_bytes(download(key))
    report = {
        "batch": batch(key, "../secret"),
        "form": upload_by_form(body),
        "multipart": upload_in_parts(f"{key}.parts", body),
        "forbidden": refusal("nobodys", key),
        "invalid": refusal(BUCKET, "../secret"),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(*sys.argv[1:])
