"""`AsyncPresign`: the methods of `Presign` for programs with an event loop.

Calls run in threads. The work is files, hashing and sockets, all of which release the interpreter
lock, so that an event loop would make it slower, not faster.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial, wraps
from threading import Event
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from presign_client.client import Presign
from presign_client.links import ListedLink
from presign_client.objects import Version
from presign_client.results import Entry
from presign_client.retries import Retries
from presign_client.settings import Token
from presign_client.stopping import stop, stopped_by

if TYPE_CHECKING:
    import httpx
    from urllib3 import PoolManager

P = ParamSpec("P")
T = TypeVar("T")
CALLS = 32  # at the same time; more wait


def _awaited(
    method: Callable[Concatenate[Presign, P], T],
) -> Callable[Concatenate["AsyncPresign", P], Coroutine[Any, Any, T]]:
    """Return a method of `Presign` to await, with its parameters and docstring."""

    @wraps(method)
    async def call(self: "AsyncPresign", /, *arguments: P.args, **named: P.kwargs) -> T:
        return await self._run(partial(method, self._presign, *arguments, **named))

    return call


class AsyncPresign:
    """As `Presign`, whose methods are described there. A call ends soon after it is cancelled.

    With `http` or `pool` that is after their next answer: the sockets are the program's.
    32 calls run at the same time, and more wait. So fewer may wait for another one, as at a pipe.
    """

    def __init__(
        self,
        url: str | None = None,
        token: Token | None = None,
        *,
        token_file: str | os.PathLike[str] | None = None,
        retries: Retries | None = None,
        http: "httpx.Client | None" = None,
        pool: "PoolManager | None" = None,
    ) -> None:
        self._presign = Presign(
            url, token, token_file=token_file, retries=retries, http=http, pool=pool
        )
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

    call = _awaited(Presign.call)
    whoami = _awaited(Presign.whoami)
    download_url = _awaited(Presign.download_url)
    upload_url = _awaited(Presign.upload_url)
    head_url = _awaited(Presign.head_url)
    delete_url = _awaited(Presign.delete_url)
    cookies = _awaited(Presign.cookies)
    head = _awaited(Presign.head)
    delete = _awaited(Presign.delete)
    copy_url = _awaited(Presign.copy_url)
    copy = _awaited(Presign.copy)
    move = _awaited(Presign.move)
    link = _awaited(Presign.link)
    revoke_link = _awaited(Presign.revoke_link)
    credentials = _awaited(Presign.credentials)
    upload = _awaited(Presign.upload)
    upload_folder = _awaited(Presign.upload_folder)
    download = _awaited(Presign.download)
    download_folder = _awaited(Presign.download_folder)

    async def versions(self, bucket: str, key: str) -> AsyncIterator[Version]:
        found = self._presign.versions(bucket, key)
        while each := await self._run(partial(next, found, None)):
            yield each

    async def links(self) -> AsyncIterator[ListedLink]:
        found = self._presign.links()
        while each := await self._run(partial(next, found, None)):
            yield each

    async def list(
        self, bucket: str, prefix: str = "", *, recursive: bool = False
    ) -> AsyncIterator[Entry]:
        pages = self._presign.pages(bucket, prefix, recursive=recursive)
        while page := await self._run(partial(next, pages, None)):
            for entry in page.entries:
                yield entry

    async def _run(self, call: Callable[[], T]) -> T:
        ended = Event()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, stopped_by(ended, call))
        except BaseException:
            stop(ended)
            raise
