"""Uploads and downloads of one object, `reports/a.csv`, of 23 bytes."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from presign_client import Downloaded, PresignError, Uploaded
from presign_client.transfers.plan import MIB
from tests.client.fake import Fake, s3_error

CONTENT = bytes(range(23))


def upload(fake: Fake, source: Any, key: str = "a.csv", **options: Any) -> Uploaded:
    """Upload in parts of 5 bytes."""
    with fake.client() as client:
        return client.upload(source, "reports", key, **{"part_size": 5, **options})


def put_two_parts(fake: Fake, directory: Path) -> bytes:
    """Store an object in parts of 5 MiB, which is the least that S3 takes, and return it."""
    content, source = CONTENT + bytes(5 * MIB), directory / "large"
    source.write_bytes(content)
    upload(fake, source, part_size=5 * MIB, overwrite=True)
    fake.requests.clear()
    return content


def download(fake: Fake, target: Any, **options: Any) -> Downloaded:
    """Download in ranges of 5 bytes."""
    with fake.client() as client:
        return client.download("reports", "a.csv", target, **{"part_size": 5, **options})


def received(fake: Fake, kind: str, target: Path, **options: Any) -> tuple[bytes, Downloaded]:
    """Download to a file or to a stream."""
    if kind == "file":
        done = download(fake, target, **options)
        return target.read_bytes(), done
    stream = BytesIO()
    done = download(fake, stream, **options)
    return stream.getvalue(), done


def interrupted(fake: Fake, transfer: Callable[..., object], path: Path) -> None:
    """Let a transfer fail after two parts."""
    parts = 0

    def before(request: httpx.Request) -> httpx.Response | None:
        nonlocal parts
        if request.url.host == "store.test":
            parts += 1
            return s3_error(404, "NoSuchBucket") if parts > 2 else None
        return None

    fake.before = before
    with pytest.raises(PresignError, match="NoSuchBucket"):
        transfer(fake, path, parallel=1)
    fake.before = None
    fake.requests.clear()
