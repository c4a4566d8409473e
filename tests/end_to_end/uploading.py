"""A multipart upload as a client makes it, over the HTTP API."""

import base64
import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from tests.support.service import RunningService, as_signed, send
from tests.support.stores import Store

MIB: Final = 1024**2
PART: Final = 5 * MIB
Json = dict[str, Any]


def some_bytes(length: int) -> bytes:
    """Return bytes in which no two parts are equal."""
    block = b"".join(hashlib.sha256(number.to_bytes(8)).digest() for number in range(2**15))
    return b"".join(number.to_bytes(8) + block[8:] for number in range(-(-length // len(block))))[
        :length
    ]


def sha256(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


@dataclass
class Uploading:
    """`etags` has the parts that have been sent."""

    service: RunningService
    key: str
    body: bytes
    algorithm: str | None = None
    bucket: str = "objects"
    created: Json = field(default_factory=dict)
    etags: dict[int, str] = field(default_factory=dict)

    @property
    def numbers(self) -> range:
        return range(1, self.created["part_count"] + 1)

    @property
    def path(self) -> str:
        return f"/v1/multipart-uploads/{self.created['upload_id']}"

    @property
    def place(self) -> Json:
        return {"bucket": self.bucket, "key": self.key}

    def create(self, **more: Any) -> httpx.Response:
        ask = {**self.place, "content_length": len(self.body), "part_size": PART, **more}
        if self.algorithm is not None:
            ask["checksum_algorithm"] = self.algorithm
        reply = self.service.client.post("/v1/multipart-uploads", json=ask)
        self.created = reply.json()
        return reply

    def part(self, number: int) -> bytes:
        size: int = self.created["part_size"]
        return self.body[(number - 1) * size : number * size]

    def window(self, numbers: Iterable[int], **more: Any) -> httpx.Response:
        ask = {
            **self.place,
            "content_length": len(self.body),
            "part_size": self.created["part_size"],
            "part_numbers": list(numbers),
            **more,
        }
        if self.algorithm is not None:
            sums = {str(number): sha256(self.part(number)) for number in ask["part_numbers"]}
            ask = {"checksum_algorithm": self.algorithm, "checksums": sums, **ask}
        return self.service.client.post(f"{self.path}/part-urls", json=ask)

    def send(self, part: Json, content: bytes | None = None) -> httpx.Response:
        number: int = part["part_number"]
        signed = as_signed(part)
        answer = send(signed, self.part(number) if content is None else content)
        if answer.is_success:
            self.etags[number] = answer.headers["etag"]
        return answer

    def send_all(self, numbers: Iterable[int], *, parallel: int = 4) -> None:
        reply = self.window(numbers)
        assert reply.status_code == 200, reply.text
        with ThreadPoolExecutor(parallel) as pool:
            answers = list(pool.map(self.send, reply.json()["parts"]))
        assert [answer.status_code for answer in answers] == [200] * len(answers)

    def listed(self) -> httpx.Response:
        return self.service.client.get(f"{self.path}/parts", params=self.place)

    def parts(self) -> list[Json]:
        return [
            {"part_number": number, "etag": etag, **self._checksum(number)}
            for number, etag in sorted(self.etags.items())
        ]

    def complete(self, **more: Any) -> httpx.Response:
        ask = {**self.place, "content_length": len(self.body), "parts": self.parts(), **more}
        if self.algorithm is not None:
            ask["checksum_algorithm"] = self.algorithm
        return self.service.client.post(f"{self.path}/complete", json=ask, timeout=60)

    def abort(self) -> httpx.Response:
        return self.service.client.delete(self.path, params=self.place)

    def check(self, **expected: Any) -> Json:
        reply = self.service.client.post("/v1/object-checks", json={**self.place, **expected})
        assert reply.status_code == 200, reply.text
        found: Json = reply.json()
        return found

    def _checksum(self, number: int) -> Json:
        return {} if self.algorithm is None else {"checksum": sha256(self.part(number))}


def code(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json().get("code", "")


def stored_digest(store: Store, key: str) -> str:
    return sha256(store.content(key) or b"")


def created(
    service: RunningService, key: str, length: int = 2 * PART + 1, **more: Any
) -> Uploading:
    upload = Uploading(service, key, some_bytes(length), **more)
    reply = upload.create()
    assert reply.status_code == 201, reply.text
    return upload


def sent(service: RunningService, key: str, length: int = 2 * PART + 1, **more: Any) -> Uploading:
    upload = created(service, key, length, **more)
    upload.send_all(upload.numbers)
    return upload
