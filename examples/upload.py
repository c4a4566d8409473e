"""Upload a file through presign, in parallel parts, and resume after an interruption.

    PRESIGN_TOKEN=… python upload.py --service https://presign.example.com --bucket reports FILE KEY

It needs Python 3.11, httpx, and a grant of `multipart`, `upload` and `check`. Its rules:
- Only the service gets the token; the store gets what the service signed. Neither token nor URL is
  printed or saved.
- The next run finds the upload in FILE.presign-upload.json. The store lists the parts that it has,
  and their digests show whether they still match the file: a part that has changed is sent again.
- URLs are requested just before they are needed, and again for a part that failed.
- Each part is sent with its SHA-256, which the store compares; at the end the object is checked.
"""

import argparse
import asyncio
import hashlib
import json
import os
import random
import sys
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

CHUNK = 2**20  # bytes of a part in memory at a time
TRIES = 6
STORE_SECONDS, SERVICE_SECONDS = 60, 400  # the service may list parts for 60, and complete for 300
SERVICE_AGAIN = {429, 500, 503, 504}  # not 502: the store refused, and would refuse again
STORE_AGAIN = {400, 403, 408, 429, 500, 502, 503, 504}  # 400, 403: the URL may have expired
EXISTS = "object_exists: An object with this key already exists. Use --overwrite to replace it."


class Failed(Exception):
    """The message for the user. It starts with the problem's code, if the service refused."""


class Service:
    """Calls presign for one object, and sends signed requests to the store."""

    def __init__(self, client: httpx.AsyncClient, token: str, **target: str) -> None:
        self._client, self._target = client, target
        self._headers = {"authorization": f"Bearer {token}"}

    async def get(self, path: str) -> Any:
        return await self._ask(TRIES, "GET", f"/v1/{path}", params=self._target)

    async def post(self, path: str, body: dict[str, Any], *, tries: int = TRIES) -> Any:
        return await self._ask(tries, "POST", f"/v1/{path}", json=self._target | body)

    async def _ask(self, tries: int, *request: str, **content: Any) -> Any:
        why, least = "", 0
        content |= {"headers": self._headers, "timeout": SERVICE_SECONDS}
        for attempt in range(tries):
            await pause(attempt, least)
            try:
                answer = await self._client.request(*request, **content)
            except httpx.TransportError as error:
                why = f"the service did not answer: {type(error).__name__}"
                continue
            if answer.is_success:
                return answer.json()
            why, least = problem(answer)
            if answer.status_code not in SERVICE_AGAIN:
                break
        raise Failed(why)

    async def send(self, signed: Any, body: AsyncIterator[bytes] | bytes) -> httpx.Response:
        # The length is signed too. Without this header httpx sends chunks, which have no length.
        headers = signed["headers"] | {"content-length": str(signed["content_length"])}
        method, url = signed["method"], signed["url"]
        return await self._client.request(method, url, headers=headers, content=body)

    async def mismatches(self, size: int, sha256: str) -> list[str]:
        """Return how the store's object differs: names of fields, or `not found`."""
        expected = {"content_length": size, "checksum": {"algorithm": "SHA256", "value": sha256}}
        answer = await self.post("object-checks", expected)
        if not answer["found"]:
            return ["not found"]
        # moto, the store of the demo, leaves out the number of parts
        is_same = answer["checksums"].get("SHA256") == sha256.partition("-")[0]
        return [name for name in answer["mismatches"] if name != "checksum" or not is_same]


def problem(answer: httpx.Response) -> tuple[str, int]:
    """Return the message, and the seconds of `Retry-After`, or 0."""
    if answer.headers.get("content-type") != "application/problem+json":
        return f"HTTP {answer.status_code}, not from presign", 0
    members = answer.json()
    return f"{members['code']}: {members['detail']}", int(answer.headers.get("retry-after", 0))


async def pause(attempt: int, least: int = 0) -> None:
    """Wait longer before each attempt, with jitter, so that failures do not retry together."""
    if attempt:
        await asyncio.sleep(max(least, random.random() * 2 ** (attempt - 1)))  # noqa: S311 - no secret


def base64(digest: bytes) -> str:
    return b64encode(digest).decode()


class Upload:
    """A multipart upload. `plan` is what a later run needs to resume it."""

    def __init__(self, service: Service, path: Path, plan: dict[str, Any]) -> None:
        self._service, self._path = service, path
        self._url = f"multipart-uploads/{quote(plan['upload_id'], safe='')}"
        self._size, self._part_size = int(plan["content_length"]), int(plan["part_size"])
        self._numbers = range(1, -(-self._size // self._part_size) + 1)
        self._stored: dict[int, Any] = {}  # the parts that the store has
        self._digests: dict[int, bytes] = {}
        self._sent: dict[int, int] = {}
        self._shown = time.monotonic()

    async def resume(self) -> bool:
        """List the parts at the store. Return False if the upload no longer exists."""
        try:
            listed = await self._service.get(f"{self._url}/parts")
        except Failed as failed:
            if not str(failed).startswith(("upload_not_found:", "not_found:")):
                raise
            return False  # `not_found`: the id does not fit into a path
        self._stored = {part["part_number"]: part for part in listed["parts"]}
        return True

    async def send(self, parallel: int) -> None:
        """Send one window after the other, and prepare the next one meanwhile."""
        slots = asyncio.Semaphore(parallel)
        async with asyncio.TaskGroup() as tasks:
            for start in range(0, len(self._numbers), parallel):
                for part in await self._window(self._numbers[start : start + parallel]):
                    await slots.acquire()
                    sending = tasks.create_task(self._send_part(part))
                    sending.add_done_callback(lambda _: slots.release())
        self._show()

    async def _window(self, numbers: range) -> list[Any]:
        found = await asyncio.gather(*(asyncio.to_thread(self._is_stored, n) for n in numbers))
        missing = [n for n, is_there in zip(numbers, found, strict=True) if not is_there]
        return await self._signed(missing) if missing else []

    def _is_stored(self, number: int) -> bool:
        """Whether the store's part matches the file."""
        self._digests[number], stored = self._digest(number), self._stored.get(number)
        if stored is None or stored["content_length"] != self._length(number):
            return False
        if "checksum" in stored:
            is_same = stored["checksum"] == base64(self._digests[number])
        else:  # not every store lists checksums; a part's ETag is its MD5
            is_same = stored["etag"].strip('"') == self._digest(number, "md5").hex()
        self._sent[number] = self._length(number) if is_same else 0
        return bool(is_same)

    async def _signed(self, numbers: list[int]) -> list[Any]:
        checksums = {str(number): base64(self._digests[number]) for number in numbers}
        window = {"part_numbers": numbers, "checksums": checksums, "checksum_algorithm": "SHA256"}
        plan = {"content_length": self._size, "part_size": self._part_size}
        answer = await self._service.post(f"{self._url}/part-urls", plan | window)
        return list(answer["parts"])

    async def _send_part(self, part: Any) -> None:
        number, why = part["part_number"], ""
        for attempt in range(TRIES):
            if attempt:
                await pause(attempt)
                self._digests[number] = await asyncio.to_thread(self._digest, number)
                (part,) = await self._signed([number])
            try:
                answer = await self._service.send(part, self._body(number))
            except httpx.TransportError as error:
                why = type(error).__name__  # its message may hold the URL
                continue
            if answer.is_success:
                self._stored[number] = {"etag": answer.headers["etag"]}
                return
            why = f"HTTP {answer.status_code}"
            if answer.status_code not in STORE_AGAIN:
                break
        raise Failed(f"the store did not accept part {number}: {why}")

    async def _body(self, number: int) -> AsyncIterator[bytes]:
        self._sent[number], chunks = 0, self._chunks(number)
        while chunk := await asyncio.to_thread(next, chunks, b""):
            yield chunk
            self._sent[number] += len(chunk)
            if time.monotonic() > self._shown + (0.2 if sys.stderr.isatty() else 5):
                self._show()

    def _chunks(self, number: int) -> Iterator[bytes]:
        left = self._length(number)
        with self._path.open("rb") as file:
            file.seek((number - 1) * self._part_size)
            while left and (chunk := file.read(min(CHUNK, left))):
                left -= len(chunk)
                yield chunk

    def _length(self, number: int) -> int:
        return min(self._part_size, self._size - (number - 1) * self._part_size)

    def _digest(self, number: int, algorithm: str = "sha256") -> bytes:
        digest = hashlib.new(algorithm, usedforsecurity=False)
        for chunk in self._chunks(number):
            digest.update(chunk)
        return digest.digest()

    def _show(self) -> None:
        """Show a progress bar on a terminal, otherwise a line every few seconds."""
        self._shown, share = time.monotonic(), sum(self._sent.values()) / self._size
        bar = f"[{'#' * int(40 * share):40}] {share:4.0%} of {self._size / 2**20:.1f} MiB"
        end = "\r" if sys.stderr.isatty() and share < 1 else "\n"
        print(bar, end=end, file=sys.stderr, flush=True)

    async def complete(self, *, overwrite: bool) -> None:
        """Complete the upload. Safe to repeat: the service recognises a completed one."""
        sha256, stored = self._digests, self._stored
        parts = [
            {"part_number": n, "etag": stored[n]["etag"], "checksum": base64(sha256[n])}
            for n in self._numbers
        ]
        body = {"content_length": self._size, "parts": parts, "checksum_algorithm": "SHA256"}
        await self._service.post(f"{self._url}/complete", body | {"overwrite": overwrite})

    async def mismatches(self) -> list[str]:
        """Compare the object. Its SHA-256 is that of its parts' digests, with their number."""
        for number in self._numbers:
            if number not in self._digests:
                self._digests[number] = await asyncio.to_thread(self._digest, number)
        whole = hashlib.sha256(b"".join(self._digests[number] for number in self._numbers))
        sha256 = f"{base64(whole.digest())}-{len(self._numbers)}"
        return await self._service.mismatches(self._size, sha256)


class ResumeFile:
    """The file by which a later run finds the upload: its id and its plan."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._path = Path(f"{options.file}.presign-upload.json")
        size, part_size = options.file.stat().st_size, options.part_size
        self.plan = {"bucket": options.bucket, "key": options.key, "content_length": size}
        self.plan |= {"part_size": part_size} if part_size else {}

    def read(self) -> Any:
        """Return None if there is no valid file, or if it has another plan."""
        with suppress(FileNotFoundError, ValueError):
            match json.loads(self._path.read_bytes()):
                case {"upload_id": str(), "part_size": int(size)} as saved if size > 0:
                    return saved if self.plan.items() <= saved.items() else None
        return None

    def write(self, upload_id: str, part_size: int) -> Any:
        saved = self.plan | {"upload_id": upload_id, "part_size": part_size}
        half = Path(f"{self._path}.new")  # replaced at once, in case the process is killed
        half.write_text(json.dumps(saved))
        half.replace(self._path)
        return saved

    def forget(self) -> None:
        self._path.unlink(missing_ok=True)


async def send_parts(
    options: argparse.Namespace, service: Service, resume_file: ResumeFile
) -> list[str]:
    before, saved = changed_at(options.file), resume_file.read()
    upload = Upload(service, options.file, saved) if saved else None
    if upload and not await upload.resume():
        # A run may have completed it, and have been killed before it reported that.
        if not await upload.mismatches():
            return []
        upload = None
    if upload is None:
        upload = Upload(service, options.file, await create(options, service, resume_file))
    await upload.send(options.parallel)
    if changed_at(options.file) != before:
        raise Failed("the file has changed during the upload: run this again")
    await upload.complete(overwrite=options.overwrite)
    return await upload.mismatches()


def changed_at(path: Path) -> int:
    return path.stat().st_mtime_ns


async def create(options: argparse.Namespace, service: Service, resume_file: ResumeFile) -> Any:
    if not options.overwrite and (await service.post("object-checks", {}))["found"]:
        raise Failed(EXISTS)  # the completion would fail too, but only after all the bytes
    body = resume_file.plan | {"checksum_algorithm": "SHA256", "overwrite": options.overwrite}
    # No retry: it would create a second upload.
    created = await service.post("multipart-uploads", body, tries=1)
    return resume_file.write(created["upload_id"], created["part_size"])


async def send_nothing(options: argparse.Namespace, service: Service) -> list[str]:
    """Send a file of 0 bytes: a multipart upload needs at least one."""
    sha256 = base64(hashlib.sha256().digest())
    checksum = {"algorithm": "SHA256", "value": sha256}
    body = {"content_length": 0, "checksum": checksum, "overwrite": options.overwrite}
    answer = await service.send(await service.post("upload-urls", body), b"")
    if not answer.is_success:
        is_there = answer.status_code == httpx.codes.PRECONDITION_FAILED
        raise Failed(EXISTS if is_there else f"the store refused: HTTP {answer.status_code}")
    return await service.mismatches(0, sha256)


async def upload(options: argparse.Namespace, token: str) -> None:
    resume_file = ResumeFile(options)
    async with httpx.AsyncClient(base_url=options.service, timeout=STORE_SECONDS) as client:
        service = Service(client, token, bucket=options.bucket, key=options.key)
        if resume_file.plan["content_length"]:
            mismatches = await send_parts(options, service, resume_file)
        else:
            mismatches = await send_nothing(options, service)
    if mismatches:
        raise Failed(f"the object at the store differs from the file: {', '.join(mismatches)}")
    resume_file.forget()
    print(f"{options.bucket}/{options.key} is uploaded")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Upload a file. Set the token in PRESIGN_TOKEN.")
    parser.add_argument("--service", required=True, metavar="URL")
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--parallel", type=int, default=4, choices=range(1, 101), metavar="PARTS")
    parser.add_argument("--part-size", type=int, metavar="BYTES")
    parser.add_argument("--overwrite", action="store_true")
    parser.add_argument("file", type=Path)
    parser.add_argument("key")
    return parser.parse_args()


def main() -> None:
    options, token, message = arguments(), os.environ.get("PRESIGN_TOKEN"), None
    if not token:
        sys.exit("PRESIGN_TOKEN is not set")
    try:
        asyncio.run(upload(options, token))
    except* (Failed, OSError) as failed:
        message = str(failed.exceptions[0])
    except* KeyboardInterrupt:
        message = "stopped: run this again to resume"
    sys.exit(message)


if __name__ == "__main__":
    main()
