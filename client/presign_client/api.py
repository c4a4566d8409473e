"""Calls of the service's JSON API: the token, problems and retries."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx

from presign_client.errors import NOT_PRESIGN, InvalidField, PresignError
from presign_client.http import SERVICE_TIMEOUT, unreachable
from presign_client.results import SignedRequest, signed_request
from presign_client.retries import Retries, TemporaryError

AGAIN = frozenset({429, 500, 503, 504})  # not 502: the store refused, and would refuse again
UNREACHED_TRIES = 2  # while the service has never answered, its address may be wrong
JSON = "application/json"
PROBLEM = "application/problem+json"


class Api:
    """`call` sends one request to the service. Threads may share it."""

    def __init__(
        self, url: str, token: Callable[[], str], http: httpx.Client, retries: Retries
    ) -> None:
        self._url, self._token, self._http, self.retries = url, token, http, retries
        self._reached = False

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> Any:
        """Return the answer's JSON, or None if it has no body.

        `repeatable` is False for calls that create something each time: they are repeated only if
        the service cannot have done it.

        Raises:
            PresignError: if the service refuses, or does not answer.

        """
        content = {"json": json} if json is not None else {}
        return self.retries.run(
            lambda _: self._once(method, path, params, content, repeatable=repeatable)
        )

    def post(self, path: str, *, repeatable: bool = True, **members: Any) -> Any:
        """Send the members that are not None, since the service refuses null."""
        body = {name: value for name, value in members.items() if value is not None}
        return self.call("POST", path, json=body, repeatable=repeatable)

    def signed(self, path: str, **members: Any) -> SignedRequest:
        return signed_request(self.post(path, **members))

    def check(self, bucket: str, key: str, **expected: Any) -> Mapping[str, Any] | None:
        """Return what the store has of an object. None: no grant allows to ask."""
        try:
            found: Mapping[str, Any] = self.post(
                "object-checks", bucket=bucket, key=key, **expected
            )
        except PresignError as error:
            if error.code != "forbidden":
                raise
            return None
        return found

    def _once(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        content: Mapping[str, Any],
        *,
        repeatable: bool,
    ) -> Any:
        try:
            answer = self._http.request(
                method,
                f"{self._url}/v1/{path}",
                params=params,
                headers={"authorization": f"Bearer {self._token()}"},
                timeout=SERVICE_TIMEOUT,
                follow_redirects=False,  # the token is for this server only
                **content,
            )
        except UnicodeEncodeError:
            raise PresignError("invalid_request", "A name is not valid UTF-8. Rename it.") from None
        except httpx.TransportError as error:
            unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            failed = unreachable(error, "presign")
            if not repeatable and not unsent:
                raise failed from None
            tries = self.retries.tries if self._reached else UNREACHED_TRIES
            raise TemporaryError(failed, tries=tries) from None
        self._reached = True
        return _read(answer, repeatable=repeatable)


def _read(answer: httpx.Response, *, repeatable: bool) -> Any:
    if answer.status_code == httpx.codes.NO_CONTENT:
        return None
    kind = answer.headers.get("content-type", "").partition(";")[0]
    try:
        if answer.is_success and kind == JSON:
            return answer.json()
        error = _problem(answer) if kind == PROBLEM else _not_presign(answer)
    except (ValueError, LookupError, TypeError):
        error = _not_presign(answer)
    may_repeat = repeatable or answer.status_code == httpx.codes.TOO_MANY_REQUESTS
    if answer.status_code in AGAIN and may_repeat:
        raise TemporaryError(error, after=_retry_after(answer))
    raise error


def _problem(answer: httpx.Response) -> PresignError:
    members = answer.json()
    return PresignError(
        members["code"],
        members["detail"],
        status=answer.status_code,
        errors=tuple(
            InvalidField(each["pointer"], each["detail"]) for each in members.get("errors", ())
        ),
        request_id=members.get("request_id", answer.headers.get("x-request-id")),
    )


def _not_presign(answer: httpx.Response) -> PresignError:
    return PresignError(
        NOT_PRESIGN,
        f"HTTP {answer.status_code}, but not from presign: a proxy or a login page is in between, "
        "or the URL of the service is wrong.",
        status=answer.status_code,
    )


def _retry_after(answer: httpx.Response) -> float:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else 0.0
