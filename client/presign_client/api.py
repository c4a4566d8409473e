"""Calls of the service's JSON API: the token, problems and retries."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from json import dumps, loads
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from presign_client.errors import NOT_PRESIGN, InvalidField, PresignError
from presign_client.retries import Retries, TemporaryError
from presign_client.service_http import NoReplyError, Reply, ServiceHttp
from presign_client.signed import SignedRequest, signed_request

if TYPE_CHECKING:
    import httpx

    from presign_client.given_http import GivenHttp

RETRYABLE = frozenset({429, 500, 503, 504})  # not 502: the store refused, and would refuse again
UNREACHED_TRIES = 2  # while the service has never answered, its address may be wrong
SERVICE_SECONDS = 400  # it may list parts for 60 s, and complete for 300
SIGNING_SECONDS = 10  # it waits 5 s for STS at most
JSON = "application/json"
PROBLEM = "application/problem+json"


class Api:
    """`call` sends one request to the service. Threads may share it.

    `http` replaces the connections that it makes itself.
    """

    def __init__(
        self, url: str, token: Callable[[], str], http: "httpx.Client | None", retries: Retries
    ) -> None:
        self._url, self._token, self._http, self.retries = url, token, _http_of(http), retries
        self._reached = False

    def close(self) -> None:
        self._http.close()

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Return the answer's JSON, or None if it has no body. The rest is as in `answer`."""
        return self.answer(method, path, **options)[0]

    def answer(
        self,
        method: str,
        path: str,
        *,
        repeatable: bool = True,
        seconds: float = SERVICE_SECONDS,
        params: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> tuple[Any, Mapping[str, str]]:
        """Return the answer's JSON, or None if it has no body, and its headers.

        `repeatable` is False for calls that create something each time: they are repeated only if
        the service cannot have done it. `params` are for the query, `json` is the body.

        Raises:
            PresignError: if the service refuses, or does not answer.

        """
        try:
            url = f"{self._url}/v1/{path}{'?' if params else ''}{urlencode(params or {})}"
            body = None if json is None else _encoded(json)
        except UnicodeEncodeError:
            raise PresignError("invalid_request", "A name is not valid UTF-8. Rename it.") from None
        return self.retries.run(
            lambda _: self._once(method, url, body, seconds, repeatable=repeatable)
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
        url: str,
        body: bytes | None,
        seconds: float,
        *,
        repeatable: bool,
    ) -> tuple[Any, Mapping[str, str]]:
        headers = {"authorization": f"Bearer {self._token()}"}
        if body is not None:
            headers["content-type"] = JSON
        try:
            answer = self._http.send(method, url, headers, body, seconds)
        except NoReplyError as failed:
            if not repeatable and not failed.is_unsent:
                raise failed.error from None
            tries = self.retries.tries if self._reached else UNREACHED_TRIES
            raise TemporaryError(failed.error, tries=tries) from None
        self._reached = True
        return _read(answer, repeatable=repeatable), answer.headers


def _http_of(given: "httpx.Client | None") -> "ServiceHttp | GivenHttp":
    if given is None:
        return ServiceHttp()
    from presign_client.given_http import GivenHttp  # noqa: PLC0415 - who gives one has httpx

    return GivenHttp(given)


def _encoded(document: Any) -> bytes:
    return dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _read(answer: Reply, *, repeatable: bool) -> Any:
    if answer.status == 204:
        return None
    if answer.is_success and _media_type(answer) == JSON:
        with suppress(ValueError, RecursionError):
            return loads(answer.content)
    error = _error(answer)
    may_repeat = repeatable or answer.status == 429
    if answer.status in RETRYABLE and may_repeat:
        raise TemporaryError(error, after=_retry_after(answer))
    raise error


def _media_type(answer: Reply) -> str:
    return answer.headers.get("content-type", "").partition(";")[0]


def _error(answer: Reply) -> PresignError:
    try:
        if _media_type(answer) == PROBLEM:
            return _problem(answer)
        if _media_type(answer) == JSON and not answer.is_success:
            return _refusal(answer)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        pass
    return PresignError(
        NOT_PRESIGN,
        f"HTTP {answer.status}, but not from presign: a proxy or a login page is in between, "
        "or the URL of the service is wrong.",
        status=answer.status,
    )


def _problem(answer: Reply) -> PresignError:
    members = loads(answer.content)
    return PresignError(
        members["code"],
        members["detail"],
        status=answer.status,
        errors=tuple(
            InvalidField(each["pointer"], each["detail"]) for each in members.get("errors", ())
        ),
        request_id=members.get("request_id", answer.headers.get("x-request-id")),
    )


def _refusal(answer: Reply) -> PresignError:
    """Return a refusal in the form of Iceberg's REST catalog, or of AWS's SDKs."""
    members = loads(answer.content)
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
        status=answer.status,
        request_id=answer.headers.get("x-request-id"),
    )


def _retry_after(answer: Reply) -> float:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else 0.0
