"""One object to upload, and how to reach the service and the store."""

from dataclasses import dataclass
from typing import Any

from presign_client.api import Api
from presign_client.signed import SignedRequest
from presign_client.store import Store
from presign_client.transfers.plan import UploadOptions
from presign_client.transfers.workers import OnProgress


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`signed` is what the first attempt of an upload in one request sends, if it is there."""

    api: Api
    store: Store
    bucket: str
    key: str
    options: UploadOptions
    report: OnProgress | None = None
    signed: SignedRequest | None = None

    @property
    def bucket_and_key(self) -> dict[str, Any]:
        return {"bucket": self.bucket, "key": self.key}
