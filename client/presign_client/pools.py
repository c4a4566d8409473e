"""Requests by urllib3, to presign and to the store: connections, proxies and TLS.

Nothing that is logged of a request has its query, where what signs a URL is.
"""

import logging
import os
import ssl
import sys
from base64 import b64encode
from collections.abc import Iterable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import unquote, urlsplit

from urllib3 import (
    BaseHTTPResponse,
    HTTPConnectionPool,
    PoolManager,
    ProxyManager,
    Retry,
    Timeout,
)
from urllib3.exceptions import ConnectTimeoutError, ProxyError

from presign_client import __version__
from presign_client.connections import TARGET, Pool, SecurePool, when_one_is_free
from presign_client.errors import UNREACHABLE, PresignError
from presign_client.proxies import proxy_for, variable_for
from presign_client.reasons import NoProxyError, cause_of
from presign_client.stopping import is_of_client

CONNECT_SECONDS = 10
CONNECTIONS = 128  # to one host: so many are kept, and threads that share them have no more
HOSTS = 10  # to which a manager keeps connections
USER_AGENT = f"presign-client/{__version__}"
Threads = tuple[int, bool]  # those of a process, and whether they share a number of connections
# `Retries` decides. The URL is signed for its host, and a token is for it alone.
_ONCE = Retry(total=False, redirect=False)


class Pools:
    """Threads may share it.

    Without a pool that is `given` the proxies are those of the environment, and so are the
    authorities that sign certificates (`SSL_CERT_FILE`, `SSL_CERT_DIR`).

    Threads share the connections to a host, and wait for a free one. With `may_hold` only those of
    transfers do: one of the program may hold its connection for as long as it likes, such as while
    it writes into a pipe that a transfer reads.
    """

    def __init__(self, given: PoolManager | None = None, *, may_hold: bool = False) -> None:
        self._given, self._may_hold, self._lock = given, may_hold, Lock()
        self._proxies = {} if given else _proxies()
        self._managers: dict[tuple[str, str | None, Threads], PoolManager] = {}
        self._direct: dict[tuple[str, Threads], HTTPConnectionPool] = {}

    def close(self) -> None:
        with self._lock:
            self._direct.clear()
        for manager in [self._given, *self._managers.values()]:
            if manager is not None:
                manager.clear()

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes] | None,
        *,
        seconds: float,
        decode_content: bool = True,
    ) -> BaseHTTPResponse:
        """Send one request once, and return the answer before its body.

        `seconds` are for each next byte, after the wait for a connection.

        Raises:
            HTTPError: if there is no answer. It may have the URL in it.
            ValueError: for a header that nobody can send.

        """
        sent = {"user-agent": USER_AGENT, **headers}
        sender: PoolManager | HTTPConnectionPool
        if self._given is None:
            origin, sent[TARGET] = _divided(url)
            # As it is signed. urllib3 would leave out a dot at its end, and a usual port. For a
            # proxy it adds one of its own, unless there is one with a capital.
            sent["Host"] = urlsplit(origin).netloc.rpartition("@")[2]
            sender, place = self._sender(origin)
        else:
            sender, place = self._given, url
        try:
            send = partial(
                sender.request,
                method,
                place,
                body=body,
                headers=sent,
                timeout=Timeout(connect=min(seconds, CONNECT_SECONDS), read=seconds),
                retries=_ONCE,
                redirect=False,
                preload_content=False,
                decode_content=decode_content,
            )
            return when_one_is_free(send)
        except ProxyError as error:
            if self._given is not None or not isinstance(cause_of(error), ConnectTimeoutError):
                raise
            raise NoProxyError(variable_for(url, self._proxies), cause_of(error)) from None

    def _sender(self, origin: str) -> tuple[PoolManager | HTTPConnectionPool, str]:
        """Return what sends to a host, and the URL that it gets there.

        A manager looks for the pool of a host each time. A/B, `presign put -r` of 2,000 files of 4
        KiB, medians of six: 0.72 ms of CPU a file, 0.74 by managers; over TLS 0.64 and 0.68.
        """
        # A forked process has the same sockets, and would read the answers of its parent.
        threads = os.getpid(), is_of_client() or not self._may_hold
        with self._lock:
            if (origin, threads) in self._direct:
                return self._direct[origin, threads], "/"
            scheme, proxy = urlsplit(origin).scheme, proxy_for(origin, self._proxies)
            of_threads = scheme, proxy, threads
            if of_threads not in self._managers:
                self._managers[of_threads] = _new_manager(scheme, proxy, block=threads[1])
            manager = self._managers[of_threads]
            if proxy is not None:
                return manager, origin
            if len(self._direct) == HOSTS:  # a manager forgets another one then
                self._direct.clear()
            self._direct[origin, threads] = pool = manager.connection_from_url(origin)
            return pool, "/"


def _proxies() -> Mapping[str, str]:
    """Return the proxies by scheme, of the variables or of the system.

    A/B, `presign url` without proxies, medians of 31: 81 ms of CPU, 85 with urllib.request.
    """
    is_of_system = sys.platform in {"darwin", "win32"}
    if not is_of_system and not any(name.lower().endswith("_proxy") for name in os.environ):
        return {}
    from urllib.request import getproxies  # noqa: PLC0415 - seldom needed

    return getproxies()


def _divided(url: str) -> tuple[str, str]:
    """Return the origin, with a slash, and the path and query."""
    scheme, _, rest = url.partition("://")
    host, _, target = rest.partition("/")
    return f"{scheme}://{host}/", f"/{target}"


def _new_manager(scheme: str, proxy: str | None, *, block: bool) -> PoolManager:
    is_plain = scheme == "http" and not (proxy or "").startswith("https:")
    context = None if is_plain else _trusting()
    if proxy is None:
        manager = PoolManager(HOSTS, maxsize=CONNECTIONS, block=block, ssl_context=context)
    else:
        manager = ProxyManager(
            proxy,
            HOSTS,
            maxsize=CONNECTIONS,
            block=block,
            ssl_context=context,
            proxy_ssl_context=context,
            proxy_headers=_authorization(proxy),
        )
    manager.pool_classes_by_scheme = {"http": Pool, "https": SecurePool}
    return manager


def _trusting() -> ssl.SSLContext:
    """Return what trusts the authorities that the environment names, or else certifi's."""
    file, directory = os.environ.get("SSL_CERT_FILE", ""), os.environ.get("SSL_CERT_DIR", "")
    if not file and not directory:
        from certifi import where  # noqa: PLC0415 - plain HTTP does not need it

        return _trusting_those_of(where(), "")
    try:
        return _trusting_those_of(file, directory)
    except OSError:  # also for what is no certificate
        text = "SSL_CERT_FILE names a file without certificates that can be read."
        raise PresignError(UNREACHABLE, text) from None


def _trusting_those_of(file: str, directory: str) -> ssl.SSLContext:
    found = Path(file).stat() if file else None
    return _read_once(file, directory, found and (found.st_ino, found.st_mtime_ns))


@lru_cache(maxsize=4)
def _read_once(file: str, directory: str, _: object) -> ssl.SSLContext:
    """Return what trusts these authorities. OpenSSL reads those of a directory as it needs them.

    The connections to presign and to the store share it. A/B, `presign get` over TLS, medians of
    31 on a busy machine: 103 ms of CPU, 109 without.
    """
    return ssl.create_default_context(cafile=file or None, capath=directory or None)


def _authorization(proxy: str) -> Mapping[str, str]:
    split = urlsplit(proxy)
    if split.username is None:
        return {}
    words = f"{unquote(split.username)}:{unquote(split.password or '')}"
    # As UTF-8, which RFC 7617 has. `make_headers` of urllib3 takes Latin-1.
    return {"proxy-authorization": f"Basic {b64encode(words.encode()).decode()}"}


class _WithoutQuery(logging.Filter):
    """urllib3 logs targets, also as warnings of odd headers, and httpx each URL at INFO.

    Such a warning has headers, too, and one may be a `Location` with the URL.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(map(_unsigned, record.args))
        record.exc_info = None
        return True


def _unsigned(argument: Any) -> Any:
    if isinstance(argument, Exception):
        return type(argument).__name__
    if isinstance(argument, str):
        return argument.partition("?")[0]
    is_url = hasattr(argument, "copy_with")  # httpx's, which is not imported for this
    return argument.copy_with(query=None) if is_url else argument


for _name in ("urllib3.connection", "urllib3.connectionpool", "urllib3.poolmanager", "httpx"):
    logging.getLogger(_name).addFilter(_WithoutQuery())
