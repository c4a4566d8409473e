"""Calls of the service's JSON API: the token, problems and retries."""

from collections.abc import Callable, Iterator, Mapping
from json import dumps, loads
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from presign_client.answers import OF_ANOTHER_FORM, with_members
from presign_client.errors import NOT_PRESIGN, InvalidField, PresignError
from presign_client.retries import Retries, TemporaryError
from presign_client.service_http import NoReplyError, Reply, ServiceHttp, not_presign
from presign_client.signed import SignedRequest, signed_request

if TYPE_CHECKING:
    import httpx

    from presign_client.given_http import GivenHttp

T = TypeVar("T")
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

    def call(self, method: str, path: str, read: Callable[[Any], T], **options: Any) -> T:
        """Return what `read` makes of the answer. The rest is as in `answer`."""
        return self.answer(method, path, read, **options)[0]

    def answer(
        self,
        method: str,
        path: str,
        read: Callable[[Any], T],
        *,
        repeatable: bool = True,
        seconds: float = SERVICE_SECONDS,
        params: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> tuple[T, Mapping[str, str]]:
        """Return what `read` makes of the answer's JSON, and its headers.

        `read` gets None if the answer has no body. What it cannot read is not presign's.
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

        def attempt(_: int) -> tuple[T, Mapping[str, str]]:
            answer = self._once(method, url, body, seconds, repeatable=repeatable)
            return _read(answer, url, read, repeatable=repeatable), answer.headers

        return self.retries.run(attempt)

    def post(
        self, path: str, read: Callable[[Any], T], *, repeatable: bool = True, **members: Any
    ) -> T:
        """Send the members that are not None, since the service refuses null."""
        body = {name: value for name, value in members.items() if value is not None}
        return self.call("POST", path, read, json=body, repeatable=repeatable)

    def pages(
        self,
        path: str,
        read: Callable[[Any], tuple[T, str | None]],
        params: Mapping[str, str],
    ) -> Iterator[T]:
        """Yield each page, as `read` returns it with what asks for the next one."""
        asked = params
        while True:
            page, after = self.call("GET", path, read, params=asked)
            yield page
            if after is None:
                return
            if after == asked.get("after"):  # such as from a cache that ignores queries
                raise PresignError(NOT_PRESIGN, "The list does not go on: each page is the same.")
            asked = {**params, "after": after}

    def signed(self, path: str, **members: Any) -> SignedRequest:
        return self.post(path, signed_request, **members)

    def check(self, bucket: str, key: str, **expected: Any) -> Mapping[str, Any] | None:
        """Return what the store has of an object. None: no grant allows to ask."""
        try:
            return self.post("object-checks", _checked, bucket=bucket, key=key, **expected)
        except PresignError as error:
            if error.code != "forbidden":
                raise
            return None

    def _once(
        self,
        method: str,
        url: str,
        body: bytes | None,
        seconds: float,
        *,
        repeatable: bool,
    ) -> Reply:
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
        return answer


def nothing(_: Any) -> None:
    """Read an answer that says no more than that it was done."""


def _http_of(given: "httpx.Client | None") -> "ServiceHttp | GivenHttp":
    if given is None:
        return ServiceHttp()
    from presign_client.given_http import GivenHttp  # noqa: PLC0415 - who gives one has httpx

    return GivenHttp(given)


def _encoded(document: Any) -> bytes:
    return dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _checked(answer: Any) -> Mapping[str, Any]:
    found = with_members(answer, found=bool, mismatches=list)
    texts = (*found.get("checksums", {}).values(), *found.get("metadata", {}).values())
    if not all(isinstance(each, str) for each in texts):
        raise TypeError
    return with_members(found, content_length=int, etag=str) if found["found"] else found


def _read(answer: Reply, url: str, read: Callable[[Any], T], *, repeatable: bool) -> T:
    try:
        if answer.status == 204:
            return read(None)
        if answer.is_success and _media_type(answer) == JSON:
            return read(loads(answer.content))
    except OF_ANOTHER_FORM:
        pass
    error = _error(answer, url)
    may_repeat = repeatable or answer.status == 429
    if answer.status in RETRYABLE and may_repeat:
        raise TemporaryError(error, after=_retry_after(answer))
    raise error


def _media_type(answer: Reply) -> str:
    return answer.headers.get("content-type", "").partition(";")[0]


def _error(answer: Reply, url: str) -> PresignError:
    try:
        if _media_type(answer) == PROBLEM:
            return _problem(answer)
        if _media_type(answer) == JSON and not answer.is_success:
            return _refusal(answer)
    except OF_ANOTHER_FORM:
        pass
    return not_presign(answer.status, url, "without what presign answers in JSON")


def _problem(answer: Reply) -> PresignError:
    members = with_members(loads(answer.content), code=str, detail=str)
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
