"""What a client for Python made by openapi-generator does: `… SOURCE TARGET KEY`.

SOURCE goes up as KEY and comes down again as TARGET; then a batch, a form, an upload in parts, and two
refusals. What the service answered is printed as JSON.
"""

import json
import os
import sys
from pathlib import Path

import urllib3
from presign_client import (
    ApiClient,
    ApiException,
    CompletedPart,
    CompleteUploadRequest,
    Configuration,
    DownloadsApi,
    DownloadUrlBatchRequest,
    DownloadUrlRequest,
    FormsApi,
    MultipartUploadRequest,
    MultipartUploadsApi,
    PresignedPart,
    PresignedRequest,
    Problem,
    UploadFormRequest,
    UploadsApi,
    UploadUrlRequest,
)

BUCKET = "objects"
PART_SIZE = 5 * 1024 * 1024

service = ApiClient(
    Configuration(host=os.environ["PRESIGN_URL"], access_token=os.environ["PRESIGN_TOKEN"])
)
store = urllib3.PoolManager(timeout=60)


def send(signed: PresignedRequest | PresignedPart, body: bytes | None = None) -> bytes:
    answer = store.request(signed.method, signed.url, headers=signed.headers, body=body)
    if answer.status >= 300:
        raise OSError(f"the store answered with {answer.status}")
    return answer.data


def upload(key: str, body: bytes) -> None:
    ask = UploadUrlRequest(
        bucket=BUCKET,
        key=key,
        content_length=len(body),
        content_type="text/plain",
        metadata={"author": "ann"},
    )
    send(UploadsApi(service).create_upload_url(ask), body)


def download(key: str) -> bytes:
    ask = DownloadUrlRequest(bucket=BUCKET, key=key)
    return send(DownloadsApi(service).create_download_url(ask))


def batch(*keys: str) -> dict[str, object]:
    items = [DownloadUrlRequest(bucket=BUCKET, key=key) for key in keys]
    answer = DownloadsApi(service).create_download_url_batch(DownloadUrlBatchRequest(items=items))
    return {
        "failed": answer.failed,
        "methods": [each.request.method for each in answer.results if each.request],
        "codes": [each.problem.code for each in answer.results if each.problem],
    }


def upload_by_form(body: bytes) -> str:
    ask = UploadFormRequest(
        bucket=BUCKET, key_prefix="inbox/", filename="ü.txt", max_content_length=len(body)
    )
    form = FormsApi(service).create_upload_form(ask)
    fields: list[tuple[str, str | tuple[str, bytes]]] = [*form.fields.items()]
    fields.append(("file", ("file", body)))  # the file comes last
    answer = store.request("POST", form.url, fields=fields)
    if answer.status >= 300:
        raise OSError(f"the store answered with {answer.status}")
    return form.key


def upload_in_parts(key: str, body: bytes) -> dict[str, object]:
    uploads = MultipartUploadsApi(service)
    begun = uploads.create_multipart_upload(
        MultipartUploadRequest(
            bucket=BUCKET, key=key, content_length=len(body), part_size=PART_SIZE
        )
    )
    for part in begun.parts:
        start = (part.part_number - 1) * begun.part_size
        send(part, body[start : start + part.content_length])
    there = uploads.list_parts(begun.upload_id, bucket=BUCKET, key=key)
    parts = [CompletedPart(part_number=each.part_number, etag=each.etag) for each in there.parts]
    made = uploads.complete_multipart_upload(
        begun.upload_id,
        CompleteUploadRequest(bucket=BUCKET, key=key, content_length=len(body), parts=parts),
    )
    return {"parts": len(parts), "content_length": made.content_length}


def refusal(bucket: str, key: str) -> dict[str, object]:
    ask = DownloadUrlRequest(bucket=bucket, key=key)
    try:
        DownloadsApi(service).create_download_url(ask)
    except ApiException as refused:  # ForbiddenException and so on, by status
        problem = refused.data
        assert isinstance(problem, Problem)
        return {
            "status": refused.status,
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
