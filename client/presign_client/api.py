"""Calls of the service's JSON API: the token, problems and retries."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import httpx

from presign_client.errors import NOT_PRESIGN, InvalidField, PresignError
from presign_client.http import SERVICE_TIMEOUT, unreachable
from presign_client.results import SignedRequest, signed_request
from presign_client.retries import Retries, TemporaryError

RETRYABLE = frozenset({429, 500, 503, 504})  # not 502: the store refused, and would refuse again
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

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Return the answer's JSON, or None if it has no body. The rest is as in `answer`."""
        return self.answer(method, path, **options)[0]

    def answer(
        self,
        method: str,
        path: str,
        *,
        repeatable: bool = True,
        timeout: httpx.Timeout = SERVICE_TIMEOUT,
        **content: Any,
    ) -> tuple[Any, Mapping[str, str]]:
        """Return the answer's JSON, or None if it has no body, and its headers.

        `repeatable` is False for calls that create something each time: they are repeated only if
        the service cannot have done it. `content` is `json` and `params`, as httpx has them.

        Raises:
            PresignError: if the service refuses, or does not answer.

        """
        return self.retries.run(
            lambda _: self._once(method, path, content, timeout, repeatable=repeatable)
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
        content: Mapping[str, Any],
        timeout: httpx.Timeout,
        *,
        repeatable: bool,
    ) -> tuple[Any, Mapping[str, str]]:
        try:
            answer = self._http.request(
                method,
                f"{self._url}/v1/{path}",
                headers={"authorization": f"Bearer {self._token()}"},
                timeout=timeout,
                follow_redirects=False,  # the token is for this server only
                **content,
            )
        except UnicodeEncodeError:
            raise PresignError("invalid_request", "A name is not valid UTF-8. Rename it.") from None
        except httpx.TransportError as error:
            unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            failed = unreachable(error)
            if not repeatable and not unsent:
                raise failed from None
            tries = self.retries.tries if self._reached else UNREACHED_TRIES
            raise TemporaryError(failed, tries=tries) from None
        self._reached = True
        return _read(answer, repeatable=repeatable), answer.headers


def _read(answer: httpx.Response, *, repeatable: bool) -> Any:
    if answer.status_code == httpx.codes.NO_CONTENT:
        return None
    if answer.is_success and _media_type(answer) == JSON:
        with suppress(ValueError):
            return answer.json()
    error = _error(answer)
    may_repeat = repeatable or answer.status_code == httpx.codes.TOO_MANY_REQUESTS
    if answer.status_code in RETRYABLE and may_repeat:
        raise TemporaryError(error, after=_retry_after(answer))
    raise error


def _media_type(answer: httpx.Response) -> str:
    kind: str = answer.headers.get("content-type", "").partition(";")[0]
    return kind


def _error(answer: httpx.Response) -> PresignError:
    try:
        if _media_type(answer) == PROBLEM:
            return _problem(answer)
        if _media_type(answer) == JSON and not answer.is_success:
            return _refusal(answer)
    except (ValueError, LookupError, TypeError, AttributeError):
        pass
    return PresignError(
        NOT_PRESIGN,
        f"HTTP {answer.status_code}, but not from presign: a proxy or a login page is in between, "
        "or the URL of the service is wrong.",
        status=answer.status_code,
    )


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


def _refusal(answer: httpx.Response) -> PresignError:
    """Return a refusal in the form of Iceberg's REST catalog, or of AWS's SDKs."""
    members = answer.json()
    iceberg = members.get("error")
    code, message = (
        (iceberg["reason"], iceberg["message"])
        if iceberg
        else (members["code"], members["message"])
    )
    if not isinstance(code, str):
        raise TypeError
    return PresignError(
        code,
        message,
        status=answer.status_code,
        request_id=answer.headers.get("x-request-id"),
    )


def _retry_after(answer: httpx.Response) -> float:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else 0.0
