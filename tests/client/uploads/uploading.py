"""An upload to the fake, by default in parts of five bytes."""

from typing import Any

from presign_client import Uploaded
from tests.client.fake import Fake

CONTENT = bytes(range(23))


def upload(fake: Fake, source: Any, key: str = "a.csv", **options: Any) -> Uploaded:
    with fake.client() as client:
        return client.upload(source, "reports", key, **{"part_size": 5, **options})
