"""What one caller does to hurt the others, and the ordinary caller who must not notice.

All of it is for a service on loopback, and ends when its time is over. An abuse runs as a process of its
own, so that it does not slow down who measures: `python -m benchmarks.abuses NAME PORT BUCKET KEY SECONDS`.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

CONNECTIONS: Final = 200  # of one abuse
PROBE_SECONDS: Final = 2.0  # as long as the kubelet waits for /livez
_PAUSE: Final = 0.02  # of the ordinary caller between two requests
_ABUSERS_PAUSE: Final = 0.25  # of each connection: 800 requests a second in all


@dataclass
class Seen:
    """What the ordinary caller and the probe of /livez were answered."""

    statuses: Counter[int] = field(default_factory=Counter)
    livez_seconds: list[float] = field(default_factory=list)

    @property
    def answered(self) -> float:
        """The share of the ordinary caller's requests that were answered with 200."""
        return self.statuses[200] / max(1, self.statuses.total())


def post(path: str, body: object, key: str) -> bytes:
    return head(path, key, content := json.dumps(body).encode()) + content


def head(path: str, key: str, content: bytes) -> bytes:
    return (
        f"POST /v1/{path} HTTP/1.1\r\nHost: presign\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    ).encode()


def heavy_batch(bucket: str, key: str) -> bytes:
    """1,000 uploads, no two alike, with 40 metadata each: 1.8 MB, within all bounds."""
    metadata = {f"k{number}": "v" * 32 for number in range(40)}
    items = [
        {
            "bucket": bucket,
            "key": f"a/{number}",
            "content_length": 1,
            "metadata": {**metadata, "k0": str(number)},
        }
        for number in range(1000)
    ]
    return post("upload-urls/batch", {"items": items}, key)


async def ordinary(port: int, bucket: str, key: str, until: float, seen: Seen) -> None:
    """One connection of a caller who asks some 40 times a second, and now and then for a batch."""
    for number in count():
        if time.monotonic() >= until:
            return
        one = {"bucket": bucket, "key": f"a/{number}"}
        request = post("download-urls", one, key)
        if number % 10 == 0:
            request = post("download-urls/batch", {"items": [one] * 20}, key)
        seen.statuses[await _alone(port, request)] += 1
        await asyncio.sleep(_PAUSE)


async def probe_livez(port: int, until: float, seen: Seen) -> None:
    """On a new connection each time, as the kubelet does."""
    while time.monotonic() < until:
        began = time.monotonic()
        status = await _alone(port, b"GET /livez HTTP/1.1\r\nHost: presign\r\n\r\n", PROBE_SECONDS)
        took = time.monotonic() - began
        seen.livez_seconds.append(took if status == 200 else PROBE_SECONDS * 10)
        await asyncio.sleep(0.25)


async def repeat(
    port: int,
    request: bytes,
    until: float,
    statuses: Counter[int],
    pause: float = _ABUSERS_PAUSE,
) -> None:
    """The same request again and again, whatever the answers are."""
    while (left := until - time.monotonic()) > 0:
        with suppress(TimeoutError, OSError, asyncio.IncompleteReadError):
            async with asyncio.timeout(left):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    while time.monotonic() < until:
                        writer.write(request)
                        statuses[await answer(reader)] += 1
                        await asyncio.sleep(pause)
                finally:
                    writer.transport.abort()


async def slow_body(port: int, key: str, until: float) -> None:
    """A request that waits for its second byte, again and again."""
    content = b"{}" + b" " * 1000
    while time.monotonic() < until:
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(head("download-urls", key, content) + content[:1])
                async with asyncio.timeout(max(0.0, until - time.monotonic())):
                    await answer(reader)
                await asyncio.sleep(1)  # it was refused: come again soon
            finally:
                writer.transport.abort()


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that takes what it is sent and never answers."""
    with suppress(OSError):
        while await reader.read(65536):
            pass
    writer.transport.abort()


async def _alone(port: int, request: bytes, seconds: float = 10.0) -> int:
    """The status of a request on a connection of its own; 0 if there is none."""
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(request)
                return await answer(reader)
            finally:
                writer.transport.abort()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return 0


async def _body(port: int, request: bytes) -> Any:
    """The JSON that answers a request on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        _, body = await _answer(reader)
        return json.loads(body)
    finally:
        writer.transport.abort()


async def answer(reader: asyncio.StreamReader) -> int:
    """The status of the next answer, which is read to its end."""
    status, _ = await _answer(reader)
    return status


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    told = await reader.readuntil(b"\r\n\r\n")
    lengths = (
        int(line.partition(b":")[2])
        for line in told.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    return int(told[9:12]), await reader.readexactly(next(lengths, 0))


async def heavy_batches(port: int, bucket: str, key: str, until: float) -> Counter[int]:
    return await _repeated(port, heavy_batch(bucket, key), until)


async def singles(port: int, bucket: str, key: str, until: float) -> Counter[int]:
    request = post("download-urls", {"bucket": bucket, "key": "a/a"}, key)
    return await _repeated(port, request, until)


async def object_checks(port: int, bucket: str, key: str, until: float) -> Counter[int]:
    request = post("object-checks", {"bucket": bucket, "key": "a/a"}, key)
    return await _repeated(port, request, until)


async def pushes(port: int, bucket: str, key: str, until: float) -> Counter[int]:
    """Events for a hook, as a store pushes them."""
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": "2026-12-01T00:00:00.000Z",
        "s3": {"bucket": {"name": bucket}, "object": {"key": "f/a", "size": 1}},
    }
    return await _repeated(port, post("store-events", {"Records": [record] * 16}, key), until)


async def share_links(port: int, bucket: str, key: str, until: float) -> Counter[int]:
    """Half of the connections end one link again and again, the others make links that count."""
    one, statuses = {"bucket": bucket, "key": "a/a"}, Counter[int]()
    made = await _body(port, post("links", one, key))
    ending = (
        f"DELETE /v1/links/{made['id']} HTTP/1.1\r\nHost: presign\r\n"
        f"Authorization: Bearer {key}\r\n\r\n"
    ).encode()
    making = post("links", {**one, "max_uses": 1, "expires_in": 31_536_000}, key)
    async with asyncio.TaskGroup() as tasks:
        for number in range(CONNECTIONS):
            request = making if number % 2 else ending
            tasks.create_task(repeat(port, request, until, statuses))
    return statuses


async def invalid_deletions(port: int, bucket: str, key: str, until: float) -> Counter[int]:
    """Bodies of DeleteObjects that are refused, but only by their 2,700 elements. They are to be signed."""
    body = {
        "region": "eu-west-1",
        "method": "POST",
        "uri": f"https://{bucket}.s3.eu-west-1.amazonaws.com/?delete",
        "headers": {},
        "body": f"<Delete>{'<Key/>' * 2700}</Delete>",
    }
    return await _repeated(port, post("aws/s3/sign", body, key), until)


async def slow_bodies(port: int, bucket: str, key: str, until: float) -> Counter[int]:  # noqa: ARG001 - as all of them
    await many(CONNECTIONS + 50, lambda: slow_body(port, key, until))
    return Counter()


async def _repeated(port: int, request: bytes, until: float) -> Counter[int]:
    statuses = Counter[int]()
    await many(CONNECTIONS, lambda: repeat(port, request, until, statuses))
    return statuses


async def many(count: int, make: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for _ in range(count):
            tasks.create_task(make())


ABUSES: Final = {
    each.__name__: each
    for each in (
        heavy_batches,
        invalid_deletions,
        share_links,
        singles,
        object_checks,
        pushes,
        slow_bodies,
    )
}


@contextmanager
def running(name: str, port: int, bucket: str, key: str, seconds: float) -> Iterator[Counter[int]]:
    """The abuse, in a process of its own; at the end, what it was answered."""
    arguments = [name, str(port), bucket, key, str(seconds)]
    statuses = Counter[int]()
    command = [sys.executable, "-m", "benchmarks.abuses", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            yield statuses
            told, _ = process.communicate(timeout=seconds + 60)
            assert process.returncode == 0, f"{name} failed"
            statuses.update({int(status): count for status, count in json.loads(told).items()})
        finally:
            process.kill()


def main() -> None:
    name, port, bucket, key, seconds = sys.argv[1:]
    until = time.monotonic() + float(seconds)
    print(json.dumps(asyncio.run(ABUSES[name](int(port), bucket, key, until))))


if __name__ == "__main__":
    main()
