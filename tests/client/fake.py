"""presign and a store as one fake: behind `httpx.MockTransport`, and a pool of urllib3.

It keeps objects in memory, checks no signature, and answers as the service and S3 do.
"""

import hashlib
import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, unquote

import httpx

from presign_client import Presign, Retries
from tests.client.fake_pool import FakePool
from tests.client.fake_protocols import credentials, remotely_signed, share_links, signed_cookies

TOKEN = "token-of-the-tests"
SECRET = "X-Amz-Signature=signature-of-the-tests"
LIFETIME = 900
COPY_SOURCE = "x-amz-copy-source"
Answer = Callable[[httpx.Request], httpx.Response | None]


def problem(status: int, code: str, *, after: int | None = None, **more: Any) -> httpx.Response:
    members = {"type": f"/errors#{code}", "title": code, "status": status, "code": code}
    headers = {"content-type": "application/problem+json", "x-request-id": "request-1"}
    headers |= {} if after is None else {"retry-after": str(after)}
    content = json.dumps(members | {"detail": f"The detail of {code}."} | more)
    return httpx.Response(status, headers=headers, content=content)


def s3_error(status: int, code: str) -> httpx.Response:
    return httpx.Response(status, content=f"<Error><Code>{code}</Code></Error>")


@dataclass
class Fake:
    """`before` may answer a request first. `requests` has all of them, `waits` all pauses.

    `denied` are paths of calls, `too_large` keys whose uploads are beyond the grant.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    checksums: dict[str, dict[str, str]] = field(default_factory=dict)
    metadata: dict[str, dict[str, str]] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    too_large: set[str] = field(default_factory=set)
    page_size: int = 1000
    before: Answer | None = None
    requests: list[httpx.Request] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    seconds: float = 0.0  # the client's clock, which only tests move
    created: dict[str, Any] = field(default_factory=dict)
    etag_of: Callable[[bytes], str] = lambda content: etag(content)  # noqa: PLW0108 - below

    def client(
        self,
        url: str | None = None,
        token_file: str | None = None,
        retries: Retries | None = None,
    ) -> Presign:
        virtual = Retries(sleep=self.waits.append, random=lambda: 0.5, now=lambda: self.seconds)
        return Presign(
            url or "https://presign.test",
            None if token_file else TOKEN,
            token_file=token_file,
            retries=retries or virtual,
            http=httpx.Client(transport=httpx.MockTransport(self.answer)),
            pool=FakePool(self.answer),
        )

    def paths(self) -> list[str]:
        """Return method and path of each request, without the store's."""
        service = [each for each in self.requests if each.url.host == "presign.test"]
        return [f"{each.method} {each.url.path.removeprefix('/v1/')}" for each in service]

    def sent_to_the_store(self, method: str) -> list[httpx.Request]:
        return [r for r in self.requests if r.url.host == "store.test" and r.method == method]

    def put(self, key: str, content: bytes) -> None:
        self.objects[key] = content
        self.checksums[key] = {"SHA256": sha256(content)}

    def answer(self, request: httpx.Request) -> httpx.Response:
        answer = self._answer(request)
        body = httpx.ByteStream(answer.content)  # one that has not been read yet
        return httpx.Response(answer.status_code, headers=answer.headers, stream=body)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        if self.before and (early := self.before(request)):
            return early
        if request.url.host == "store.test":
            return self._store(request)
        if request.headers["authorization"] != f"Bearer {TOKEN}":
            return problem(401, "unauthenticated")
        path = request.url.path.removeprefix("/v1/")
        if path in self.denied:
            return problem(403, "forbidden")
        body = json.loads(request.content) if request.content else {}
        return self._service(request, path, body)

    def _service(self, request: httpx.Request, path: str, body: Any) -> httpx.Response:
        if path.startswith("multipart-uploads"):
            return self._multipart(request.method, path.split("/"), body)
        if path.partition("/")[0] == "links":
            return share_links(request)
        answers: dict[str, Callable[[], Any]] = {
            "objects": lambda: self._objects(request.url.params),
            "object-versions": lambda: self._versions(request.url.params),
            "caller": _caller,
            "object-checks": lambda: self._check(body),
            "credentials/reports": credentials,
            "cookies": lambda: signed_cookies(body),
        }
        if path.endswith("aws/s3/sign"):
            return remotely_signed(body)
        if path in answers:
            return httpx.Response(200, json=answers[path]())
        return self._signing(path, body)

    def _signing(self, path: str, body: Any) -> httpx.Response:
        operation = path.partition("-")[0]
        if path.endswith("/batch"):
            results = [
                {"key": each["key"], "problem": {"code": "limit_exceeded"}}
                if each["key"] in self.too_large
                else {"key": each["key"], "request": signed(operation, each)}
                for each in body["items"]
            ]
            return httpx.Response(200, json={"results": results})
        if body.get("key") in self.too_large:
            return problem(403, "limit_exceeded")
        return httpx.Response(200, json=signed(operation, body))

    def _multipart(self, method: str, path: list[str], body: Any) -> httpx.Response:
        match path[1:]:
            case [upload, "part-urls"]:
                return httpx.Response(200, json=self._part_urls(upload, body))
            case [upload, "parts"]:
                return self._parts(upload)
            case [upload, "complete"]:
                return self._complete(upload, body)
            case [upload]:
                assert method == "DELETE"
                self.uploads.pop(upload, None)
                return httpx.Response(204)
        return self._create(body)

    def _check(self, body: Any) -> Any:
        content = self.objects.get(body["key"])
        if content is None:
            return {"found": False, "mismatches": []}
        checksums = self.checksums.get(body["key"], {})
        expected, mismatches = body.get("checksum"), []
        if expected and checksums.get(expected["algorithm"]) != expected["value"]:
            mismatches.append("checksum")
        if body.get("content_length", len(content)) != len(content):
            mismatches.append("content_length")
        return {
            "found": True,
            "content_length": len(content),
            "etag": self.etag_of(content),
            "checksums": checksums,
            "metadata": self.metadata.get(body["key"], {}),
            "mismatches": mismatches,
        }

    def _create(self, body: Any) -> httpx.Response:
        self.created = body
        upload = f"upload-{len(self.uploads) + 1}"
        self.uploads[upload] = {}
        size = body.get("part_size", 8 * 2**20)
        answer = {"upload_id": upload, "part_size": size, "parts": []}
        return httpx.Response(200, json=answer | {"part_count": -(-body["content_length"] // size)})

    def _part_urls(self, upload: str, body: Any) -> Any:
        parts = []
        for number in body["part_numbers"]:
            left = body["content_length"] - (number - 1) * body["part_size"]
            length = min(left, body["part_size"])
            part = signed("upload", body | {"content_length": length}, upload=upload, part=number)
            part["headers"] = {"x-amz-checksum-sha256": body["checksums"][str(number)]}
            parts.append(part | {"part_number": number})
        return {"parts": parts, "expires_at": "2026-03-01T12:15:00Z"}

    def _parts(self, upload: str) -> httpx.Response:
        if upload not in self.uploads:
            return problem(404, "upload_not_found")
        parts = [
            {"part_number": n, "etag": self.etag_of(part), "content_length": len(part)}
            for n, part in sorted(self.uploads[upload].items())
        ]
        return httpx.Response(200, json={"parts": parts})

    def _complete(self, upload: str, body: Any) -> httpx.Response:
        parts, key = self.uploads.pop(upload), body["key"]
        content = b"".join(parts[each["part_number"]] for each in body["parts"])
        self.objects[key] = content
        digests = b"".join(hashlib.sha256(part).digest() for _, part in sorted(parts.items()))
        self.checksums[key] = {"SHA256": f"{sha256(digests)}-{len(parts)}"}
        self.metadata[key] = self.created.get("metadata", {})
        answer = {"bucket": body["bucket"], "key": key, "etag": self.etag_of(content)}
        return httpx.Response(200, json=answer | {"content_length": len(content)})

    def _store(self, request: httpx.Request) -> httpx.Response:
        query = {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}
        key = unquote(request.url.raw_path.decode().partition("?")[0]).removeprefix("/reports/")
        if request.method == "PUT":
            return self._put(request, key, query)
        if request.method == "DELETE":
            wanted = request.headers.get("if-match")
            if wanted and wanted != self.etag_of(self.objects.get(key, b"")):
                return s3_error(412 if key in self.objects else 404, "PreconditionFailed")
            self.objects.pop(key, None)
            return httpx.Response(204)
        if key not in self.objects:
            return s3_error(404, "NoSuchKey")
        return self._get(request, self.objects[key])

    def _put(self, request: httpx.Request, key: str, query: dict[str, str]) -> httpx.Response:
        if COPY_SOURCE in request.headers:
            return self._copy(request, key)
        assert request.headers["content-length"] == query["length"]
        if "part" in query:
            self.uploads[query["upload"]][int(query["part"])] = request.content
        elif key in self.objects and request.headers.get("if-none-match") == "*":
            return s3_error(412, "PreconditionFailed")
        else:
            self.put(key, request.content)
        return httpx.Response(200, headers={"etag": self.etag_of(request.content)})

    def _copy(self, request: httpx.Request, key: str) -> httpx.Response:
        source = unquote(request.headers[COPY_SOURCE]).partition("/")[2]
        content = self.objects.get(source)
        if content is None:
            return s3_error(404, "NoSuchKey")
        expected = request.headers.get(f"{COPY_SOURCE}-if-match", self.etag_of(content))
        exists = key in self.objects and request.headers.get("if-none-match") == "*"
        if exists or expected != self.etag_of(content):
            return s3_error(412, "PreconditionFailed")
        self.put(key, content)
        result = f"<CopyObjectResult><ETag>{self.etag_of(content)}</ETag></CopyObjectResult>"
        return httpx.Response(200, content=result.replace('"', "&quot;"))

    def _get(self, request: httpx.Request, content: bytes) -> httpx.Response:
        headers = {
            "etag": self.etag_of(content),
            "content-type": "text/csv",
            "x-amz-meta-author": "ann",
        }
        headers["last-modified"] = "Sun, 01 Mar 2026 12:00:00 GMT"
        if request.method == "HEAD":
            return httpx.Response(200, headers=headers | {"content-length": str(len(content))})
        if request.headers.get("if-match", self.etag_of(content)) != self.etag_of(content):
            return s3_error(412, "PreconditionFailed")
        if "range" not in request.headers:
            return httpx.Response(200, headers=headers, content=content)
        first, _, last = request.headers["range"].removeprefix("bytes=").partition("-")
        if int(first) >= len(content):
            return s3_error(416, "InvalidRange")
        end = min(int(last) + 1, len(content)) if last else len(content)
        headers["content-range"] = f"bytes {first}-{end - 1}/{len(content)}"
        return httpx.Response(206, headers=headers, content=content[int(first) : end])

    def _objects(self, query: httpx.QueryParams) -> Any:
        keys: list[str] = []
        prefixes: list[str] = []
        for key in sorted(self.objects):
            prefix, delimiter = query["prefix"], query.get("delimiter", "")
            if key.startswith(prefix) and key > query.get("after", ""):
                head, _, tail = key[len(prefix) :].partition(delimiter or "\n")
                (prefixes if tail else keys).append(f"{prefix}{head}{delimiter}" if tail else key)
        page = keys[: self.page_size]
        return {
            "prefix": query["prefix"],
            "prefixes": list(dict.fromkeys(prefixes)),
            "objects": [
                {
                    "key": key,
                    "size": len(self.objects[key]),
                    "etag": self.etag_of(self.objects[key]),
                    "last_modified": "2026-03-01T12:00:00.000Z",
                }
                for key in page
            ],
            **({"next": page[-1]} if page != keys else {}),
        }

    def _versions(self, query: httpx.QueryParams) -> Any:
        """Two versions of each object, the newer of which deletes it, one entry a page."""
        entries = [
            {"key": key, "version_id": version, "is_latest": is_deleted, **data,
             "is_delete_marker": is_deleted, "last_modified": "2026-03-01T12:00:00Z"}
            for key, content in sorted(self.objects.items())
            if key.startswith(query["prefix"])
            for version, is_deleted, data in (
                ("2", True, {}),
                ("1", False, {"size": len(content), "etag": self.etag_of(content)}),
            )
        ]  # fmt: skip
        first = int(query.get("after", "0"))
        more = {"next": str(first + 1)} if first + 1 < len(entries) else {}
        return {"prefix": query["prefix"], "prefixes": [], "versions": entries[first:][:1], **more}


def _caller() -> Any:
    grant = {"bucket": "reports", "prefix": "", "allow": ["list"], "more": 1}
    grants = [grant | {"allow_overwrite": False, "max_keys": 9}]
    return {"subject": "tests", "grants": grants, "more": 1}


def signed(operation: str, body: Any, **query: Any) -> dict[str, Any]:
    method = {
        "download": "GET",
        "upload": "PUT",
        "copy": "PUT",
        "head": "HEAD",
        "delete": "DELETE",
    }
    url = httpx.URL(
        f"https://store.test/{body['bucket']}/{body.get('key', '')}",
        params={"op": operation, **query},
    )
    names = {"content_length": "length"}
    asked = {names.get(name, name): str(value) for name, value in body.items() if name != "key"}
    headers = {}
    if operation == "copy":
        headers = copied_headers(body)
        asked = {}
    if operation in {"upload", "copy"} and not body.get("overwrite") and "part" not in query:
        headers["if-none-match"] = "*"
    length = {"content_length": body["content_length"]} if operation == "upload" else {}
    return {
        "method": method[operation],
        "url": f"{url.copy_merge_params(asked)}&X-Amz-Expires={LIFETIME}&{SECRET}",
        "headers": headers,
        "expires_at": "2026-03-01T12:15:00Z",
        **length,
    }


def copied_headers(body: Any) -> dict[str, str]:
    source = body["source"]
    found = {COPY_SOURCE: f"{source.get('bucket', body['bucket'])}/{quote(source['key'])}"}
    return found | ({f"{COPY_SOURCE}-if-match": source["etag"]} if "etag" in source else {})


def sha256(content: bytes) -> str:
    return b64encode(hashlib.sha256(content).digest()).decode()


def etag(content: bytes) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'
