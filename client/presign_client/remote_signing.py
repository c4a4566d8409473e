"""Asks the service for the signature of a request that another program sends to the store."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any

from presign_client.answers import with_members
from presign_client.api import SIGNING_SECONDS, Api

# What Iceberg's signer keeps: S3V4RestSignerClient. A signature is good for 15 minutes.
KEPT_SECONDS = 30
KEPT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsignedRequest:
    """A request for the store, before it is signed. The names of its headers are in lower case.

    `body` is only for DeleteObjects, whose keys the service checks.
    """

    region: str
    method: str
    uri: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: str | None = field(default=None, repr=False)


class RemoteSigner:
    """Keeps signatures that the service calls `private`, for requests that are equal.

    Threads may share it. The token is a part of what must be equal: it may be replaced by another
    caller's.
    """

    def __init__(
        self, api: Api, token: Callable[[], str], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._api, self._token, self._now = api, token, now
        self._kept: dict[tuple[str, UnsignedRequest], tuple[float, Mapping[str, str]]] = {}
        self._lock = Lock()

    def sign(self, request: UnsignedRequest) -> Mapping[str, str]:
        """Return the headers that the request needs in addition to its own.

        Raises:
            PresignError: if the service refuses, or does not answer.

        """
        key = self._token(), request
        until, signed = self._kept.get(key, (0.0, {}))
        if self._now() >= until:
            signed, is_private = self._ask(request)
            if is_private:
                self._keep(key, signed)
        return signed

    def _ask(self, request: UnsignedRequest) -> tuple[Mapping[str, str], bool]:
        body = {} if request.body is None else {"body": request.body}
        signed, headers = self._api.answer(
            "POST",
            "aws/s3/sign",
            partial(_signature, request),
            json={
                "region": request.region,
                "method": request.method,
                "uri": request.uri,
                "headers": {name: [value] for name, value in request.headers},
                **body,
            },
            seconds=SIGNING_SECONDS,
        )
        return signed, headers.get("cache-control") == "private"

    def _keep(self, key: tuple[str, UnsignedRequest], signed: Mapping[str, str]) -> None:
        with self._lock:
            self._kept.pop(key, None)
            while len(self._kept) >= KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = self._now() + KEPT_SECONDS, signed


def _signature(request: UnsignedRequest, answer: Any) -> Mapping[str, str]:
    answer = with_members(answer, uri=str, headers=dict)
    if answer["uri"] != request.uri:
        raise ValueError
    return {name: ", ".join(values) for name, values in answer["headers"].items()}
