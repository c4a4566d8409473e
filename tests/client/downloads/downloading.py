"""Downloads of one object of the fake."""

from io import BytesIO
from pathlib import Path
from typing import Any

from presign_client import Downloaded
from tests.client.fake import Fake

CONTENT = bytes(range(23))


def download(fake: Fake, target: Any, **options: Any) -> Downloaded:
    with fake.client() as client:
        return client.download("reports", "a.csv", target, **options)


def received(fake: Fake, kind: str, target: Path) -> tuple[bytes, Downloaded]:
    if kind == "file":
        done = download(fake, target)
        return target.read_bytes(), done
    stream = BytesIO()
    done = download(fake, stream)
    return stream.getvalue(), done
