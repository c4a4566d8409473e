"""`Presign`: what a program calls."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import httpx

from presign_client.api import Api
from presign_client.checksums import new_digest
from presign_client.http import new_client
from presign_client.listing import Page, read_page
from presign_client.notes import state_directory
from presign_client.results import (
    Caller,
    Downloaded,
    Entry,
    Link,
    ObjectInfo,
    SignedRequest,
    Uploaded,
    caller,
    link,
    object_info,
)
from presign_client.retries import Retries
from presign_client.settings import Token, service_url, token_source
from presign_client.store import Store
from presign_client.transfers.download import Order, download_file, download_stream
from presign_client.transfers.job import Job
from presign_client.transfers.plan import PARALLEL, UploadOptions, type_of
from presign_client.transfers.stream import upload_stream
from presign_client.transfers.upload import upload_file
from presign_client.transfers.workers import OnProgress


class Presign:
    """Calls the service, and moves objects to and from the store. Threads may share it.

    `url`, and `token` (a string, or a function that returns one) or `token_file`, default to
    `PRESIGN_URL`, `PRESIGN_TOKEN` and `PRESIGN_TOKEN_FILE` of the environment. Raises ValueError
    if one of them is missing.

    All methods raise `PresignError`. A call that is safe to repeat is repeated when it fails for a
    while. Lifetimes are in seconds, sizes in bytes. `http` replaces the HTTP client, for example to
    use a proxy, and is closed with this object.
    """

    def __init__(
        self,
        url: str | None = None,
        token: Token | None = None,
        *,
        token_file: str | os.PathLike[str] | None = None,
        retries: Retries | None = None,
        http: httpx.Client | None = None,
    ) -> None:
        retries = retries or Retries()
        self._url, current_token = service_url(url), token_source(token, token_file)
        self._http = http or new_client()
        self._api = Api(self._url, current_token, self._http, retries)
        self._store = Store(self._http, retries)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def __enter__(self) -> "Presign":  # noqa: PYI034 - typing has no Self before 3.11
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def whoami(self) -> Caller:
        """Return who the service takes you for, and your grants."""
        return caller(self._api.call("GET", "caller"))

    def download_url(
        self,
        bucket: str,
        key: str,
        *,
        expires_in: int | None = None,
        version_id: str | None = None,
        filename: str | None = None,
        content_type: str | None = None,
    ) -> SignedRequest:
        """Return a signed GET of an object."""
        more = {"filename": filename, "content_type": content_type}
        return self._api.signed(
            "download-urls",
            bucket=bucket,
            key=key,
            expires_in=expires_in,
            version_id=version_id,
            **more,
        )

    def upload_url(
        self,
        bucket: str,
        key: str,
        content_length: int,
        *,
        expires_in: int | None = None,
        content_type: str | None = None,
        checksum: tuple[str, str] | None = None,
        overwrite: bool = False,
    ) -> SignedRequest:
        """Return a signed PUT of exactly `content_length` bytes.

        `checksum` is an algorithm and a value in base64: the store takes no other content.
        """
        return self._api.signed(
            "upload-urls",
            bucket=bucket,
            key=key,
            expires_in=expires_in,
            content_length=content_length,
            content_type=content_type,
            checksum=checksum and {"algorithm": checksum[0], "value": checksum[1]},
            overwrite=overwrite or None,
        )

    def head_url(
        self,
        bucket: str,
        key: str,
        *,
        expires_in: int | None = None,
        version_id: str | None = None,
    ) -> SignedRequest:
        """Return a signed HEAD of an object."""
        return self._api.signed(
            "head-urls", bucket=bucket, key=key, expires_in=expires_in, version_id=version_id
        )

    def delete_url(
        self,
        bucket: str,
        key: str,
        *,
        expires_in: int | None = None,
        version_id: str | None = None,
    ) -> SignedRequest:
        """Return a signed DELETE of an object."""
        return self._api.signed(
            "delete-urls", bucket=bucket, key=key, expires_in=expires_in, version_id=version_id
        )

    def head(self, bucket: str, key: str) -> ObjectInfo:
        """Return an object's size, type and metadata. Raises `not_found` if there is none."""
        answer = self._store.send(lambda: self.head_url(bucket, key))
        return object_info(bucket, key, answer.headers)

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object. It is no error if there is none."""
        self._store.send(lambda: self.delete_url(bucket, key))

    def list(self, bucket: str, prefix: str = "", *, recursive: bool = False) -> Iterator[Entry]:
        """Yield the objects whose keys begin with `prefix`, page by page.

        Unless `recursive`, keys that go on after the next `/` are one entry, which is a prefix.
        """
        for page in self.pages(bucket, prefix, recursive=recursive):
            yield from page.entries

    def pages(self, bucket: str, prefix: str = "", *, recursive: bool = False) -> Iterator[Page]:
        """Yield the pages of a listing. `list` is simpler."""
        page = self._page(bucket, prefix, None if recursive else "/", None)
        yield page
        while page.token is not None:
            page = self._page(bucket, prefix, None if recursive else "/", page.token)
            yield page

    def _page(self, bucket: str, prefix: str, delimiter: str | None, token: str | None) -> Page:
        members = {"prefix": prefix, "delimiter": delimiter, "continuation_token": token}
        answer = self._store.send(lambda: self._api.signed("list-urls", bucket=bucket, **members))
        return read_page(answer.content)

    def upload(
        self,
        source: str | os.PathLike[str] | BinaryIO,
        bucket: str,
        key: str,
        *,
        content_type: str | None = None,
        overwrite: bool = False,
        part_size: int | None = None,
        parallel: int = PARALLEL,
        checksum: str = "SHA256",
        metadata: Mapping[str, str] | None = None,
        on_progress: OnProgress | None = None,
    ) -> Uploaded:
        """Upload a file, by its path, or all that a binary stream has.

        A file that is larger than a part goes up in parts, and is resumed if the same call was
        interrupted before, also in another process. Each part has a checksum, which the store
        compares. Without a `content_type`, it follows from the key's suffix.

        `on_progress` gets the bytes that were sent and all bytes (None: not known), from several
        threads, one at a time. If it raises an exception, the upload ends with it.
        """
        new_digest(checksum)
        job = Job(
            api=self._api,
            store=self._store,
            bucket=bucket,
            key=key,
            options=UploadOptions(
                content_type=content_type or type_of(key),
                overwrite=overwrite,
                part_size=part_size,
                parallel=parallel,
                checksum=checksum,
                metadata=metadata or {},
            ),
            report=on_progress,
        )
        if isinstance(source, str | os.PathLike):
            return upload_file(job, Path(source), state_directory(), self._url)
        return upload_stream(job, source)

    def download(
        self,
        bucket: str,
        key: str,
        target: str | os.PathLike[str] | BinaryIO,
        *,
        version_id: str | None = None,
        part_size: int | None = None,
        parallel: int = PARALLEL,
        on_progress: OnProgress | None = None,
    ) -> Downloaded:
        """Download to a file, by its path, or to a binary stream.

        A file is read by parallel ranges, and resumed if the same call was interrupted before. It
        appears under its name once it is complete, and replaces one that is there. Where a grant
        allows `check` and the store has a checksum, the bytes are compared with it. `on_progress`
        is as in `upload`.
        """
        order = Order(
            api=self._api,
            store=self._store,
            bucket=bucket,
            key=key,
            version_id=version_id,
            part_size=part_size,
            parallel=parallel,
            report=on_progress,
        )
        if isinstance(target, str | os.PathLike):
            return download_file(order, Path(target), state_directory(), self._url)
        return download_stream(order, target)

    def link(
        self,
        bucket: str,
        key: str | None = None,
        *,
        prefix: str | None = None,
        upload: bool = False,
        expires_in: int | None = None,
        max_uses: int | None = None,
        filename: str | None = None,
    ) -> Link:
        """Return a share link to an object, to all below a prefix, or, to upload, to a prefix."""
        answer = self._api.post(
            "links",
            repeatable=False,
            bucket=bucket,
            key=key,
            prefix=prefix,
            operations=["upload"] if upload else None,
            expires_in=expires_in,
            max_uses=max_uses,
            filename=filename,
        )
        return link(answer)
