"""`AsyncPresign`: the methods of `Presign` for programs with an event loop.

Calls run in threads. The work is files, hashing and sockets, all of which release the interpreter
lock, so that an event loop would make it slower, not faster.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Event
from types import TracebackType
from typing import Any, BinaryIO, TypeVar

import httpx

from presign_client.client import Presign
from presign_client.results import (
    Caller,
    Credentials,
    Downloaded,
    Entry,
    FolderUpload,
    Link,
    ObjectInfo,
    SignedRequest,
    Uploaded,
    Version,
)
from presign_client.retries import Retries
from presign_client.settings import Token
from presign_client.transfers.plan import PARALLEL
from presign_client.transfers.workers import OnProgress, StoppedError

T = TypeVar("T")
CALLS = 32  # at the same time; more wait


class AsyncPresign:
    """As `Presign`, whose methods are described there."""

    def __init__(
        self,
        url: str | None = None,
        token: Token | None = None,
        *,
        token_file: str | os.PathLike[str] | None = None,
        retries: Retries | None = None,
        http: httpx.Client | None = None,
    ) -> None:
        self._presign = Presign(url, token, token_file=token_file, retries=retries, http=http)
        self._threads = ThreadPoolExecutor(CALLS, thread_name_prefix="presign")

    async def aclose(self) -> None:
        """Wait for calls in progress, and close all connections."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        self._presign.close()

    async def __aenter__(self) -> "AsyncPresign":  # noqa: PYI034 - typing has no Self before 3.11
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def whoami(self) -> Caller:
        return await self._run(self._presign.whoami)

    async def download_url(
        self,
        bucket: str,
        key: str,
        *,
        expires_in: int | None = None,
        version_id: str | None = None,
        filename: str | None = None,
        content_type: str | None = None,
    ) -> SignedRequest:
        return await self._run(
            self._presign.download_url,
            bucket,
            key,
            expires_in=expires_in,
            version_id=version_id,
            filename=filename,
            content_type=content_type,
        )

    async def upload_url(
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
        return await self._run(
            self._presign.upload_url,
            bucket,
            key,
            content_length,
            expires_in=expires_in,
            content_type=content_type,
            checksum=checksum,
            overwrite=overwrite,
        )

    async def head_url(
        self, bucket: str, key: str, *, expires_in: int | None = None, version_id: str | None = None
    ) -> SignedRequest:
        return await self._run(
            self._presign.head_url, bucket, key, expires_in=expires_in, version_id=version_id
        )

    async def delete_url(
        self, bucket: str, key: str, *, expires_in: int | None = None, version_id: str | None = None
    ) -> SignedRequest:
        return await self._run(
            self._presign.delete_url, bucket, key, expires_in=expires_in, version_id=version_id
        )

    async def head(self, bucket: str, key: str) -> ObjectInfo:
        return await self._run(self._presign.head, bucket, key)

    async def delete(self, bucket: str, key: str, *, version_id: str | None = None) -> None:
        await self._run(self._presign.delete, bucket, key, version_id=version_id)

    async def versions(self, bucket: str, key: str) -> AsyncIterator[Version]:
        found = self._presign.versions(bucket, key)
        while each := await self._run(partial(next, found, None)):
            yield each

    async def list(
        self, bucket: str, prefix: str = "", *, recursive: bool = False
    ) -> AsyncIterator[Entry]:
        pages = self._presign.pages(bucket, prefix, recursive=recursive)
        while page := await self._run(partial(next, pages, None)):
            for entry in page.entries:
                yield entry

    async def upload(
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
        with _ended_if_cancelled(on_progress) as report:
            return await self._run(
                self._presign.upload,
                source,
                bucket,
                key,
                content_type=content_type,
                overwrite=overwrite,
                part_size=part_size,
                parallel=parallel,
                checksum=checksum,
                metadata=metadata,
                on_progress=report,
            )

    async def upload_folder(
        self,
        directory: str | os.PathLike[str],
        bucket: str,
        prefix: str,
        *,
        content_type: str | None = None,
        overwrite: bool = False,
        part_size: int | None = None,
        parallel: int = PARALLEL,
        checksum: str = "SHA256",
        on_progress: OnProgress | None = None,
    ) -> FolderUpload:
        with _ended_if_cancelled(on_progress) as report:
            return await self._run(
                self._presign.upload_folder,
                directory,
                bucket,
                prefix,
                content_type=content_type,
                overwrite=overwrite,
                part_size=part_size,
                parallel=parallel,
                checksum=checksum,
                on_progress=report,
            )

    async def download(
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
        with _ended_if_cancelled(on_progress) as report:
            return await self._run(
                self._presign.download,
                bucket,
                key,
                target,
                version_id=version_id,
                part_size=part_size,
                parallel=parallel,
                on_progress=report,
            )

    async def link(
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
        return await self._run(
            self._presign.link,
            bucket,
            key,
            prefix=prefix,
            upload=upload,
            expires_in=expires_in,
            max_uses=max_uses,
            filename=filename,
        )

    async def end_link(self, link_id: str) -> None:
        await self._run(self._presign.end_link, link_id)

    async def credentials(
        self, bucket: str, *, prefix: str | None = None, permission: str | None = None
    ) -> Credentials:
        return await self._run(
            self._presign.credentials, bucket, prefix=prefix, permission=permission
        )

    async def _run(self, call: Callable[..., T], *arguments: Any, **named: Any) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(call, *arguments, **named))


@contextmanager
def _ended_if_cancelled(on_progress: OnProgress | None) -> Iterator[OnProgress]:
    """Yield an `on_progress` that ends the transfer after the block has ended."""
    ended = Event()

    def report(done: int, total: int | None) -> None:
        if ended.is_set():
            raise StoppedError
        if on_progress:
            on_progress(done, total)

    try:
        yield report
    finally:
        ended.set()
