"""Unmistakable secrets, and a search for them in everything that the service shows."""

import json
import logging
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

import httpx

from service.telemetry.logs import JsonFormatter, set_up_logging
from tests.auth.mint import ed_key, make_token
from tests.support.app import API_KEY, SECRET, TOKEN

FORGED: Final = "eyJzZW50aW5lbCI6MX0.eyJmb3JnZWQiOjF9.c2VudGluZWw"
BEARER: Final = "sentinel-bearer-of-the-issuer"
JWT: Final = make_token(ed_key("one"))
GIVEN: Final = (API_KEY, SECRET, TOKEN, BEARER, *FORGED.split("."), *JWT.split("."))
# As a library's exception may quote them, with names and without.
NAMED_WORDS: Final = (
    f"Authorization: Bearer {API_KEY} then {JWT} and {FORGED}; <SecretAccessKey>{SECRET}"
    f"</SecretAccessKey> at https://h/k?X-Amz-Security-Token={quote(TOKEN, safe='')}"
    f" {{'SessionToken': '{TOKEN}', 'web_identity_token': '{BEARER}'}}"
)
BARE_WORDS: Final = f"{API_KEY} {SECRET} {TOKEN} {BEARER} {JWT} {FORGED}"


@dataclass
class Shown:
    """All output of the service, without the URLs and fields of responses, which are secret."""

    log: StringIO = field(default_factory=StringIO)
    audit_trail: list[bytes] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)
    signatures: set[str] = field(default_factory=set)

    def add(self, answer: httpx.Response) -> None:
        headers = [f"{name}: {value}" for name, value in answer.headers.items()]
        self.replies.append("\n".join([*headers, self._without_signed(answer)]))

    def assert_no_secret(self, *more: str) -> None:
        """No output contains a secret."""
        secrets = {form for secret in GIVEN for form in forms_of(secret)} | self.signatures
        sought = re.compile("|".join(map(re.escape, secrets)))
        for text in (
            self.log.getvalue(),
            b"".join(self.audit_trail).decode(),
            *self.replies,
            *more,
        ):
            found = sought.search(text)
            assert found is None, f"shown: …{text[max(0, found.start() - 300) : found.end() + 50]}"

    def _without_signed(self, answer: httpx.Response) -> str:
        document = answer.url.path.startswith("/openapi")  # its examples have made-up URLs
        if document or answer.headers.get("content-type") != "application/json":
            return answer.text
        if answer.request.method == "HEAD":  # the type is that of a GET's body
            return ""
        return json.dumps(self._stripped(answer.json()))

    def _stripped(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._stripped(each) for each in value]
        if not isinstance(value, dict):
            return value
        self.signatures.update(signatures(value))
        return {n: self._stripped(each) for n, each in value.items() if n not in {"url", "fields"}}


def signatures(answer: dict[str, Any]) -> Iterator[str]:
    if isinstance(answer.get("url"), str):
        yield from parse_qs(urlsplit(answer["url"]).query).get("X-Amz-Signature", [])
    fields = answer.get("fields", {})
    yield from (fields[name] for name in ("x-amz-signature", "policy") if name in fields)


def forms_of(secret: str) -> set[str]:
    """Plain, in a URL, in JSON, and in base64."""
    plain = {secret, quote(secret, safe=""), json.dumps(secret)[1:-1]}
    return plain | {b64encode(secret.encode()).decode().rstrip("=")}


@contextmanager
def logging_as_served(level: str, log: StringIO) -> Iterator[None]:
    """Logging as `serve` sets it up, into `log`; restored at the end."""
    root = logging.getLogger()
    handlers, levels = root.handlers[:], dict(_levels())
    root.handlers.clear()  # those of pytest, which the set-up would close
    handler = logging.StreamHandler(log)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(_is_not_of_the_tests_client)
    try:
        set_up_logging(level, handler)
        yield
    finally:
        root.handlers[:] = handlers
        for name, _ in _levels():
            logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))


def _levels() -> Iterable[tuple[str | None, int]]:
    known = logging.root.manager.loggerDict.items()
    yield None, logging.root.level
    yield from [(name, each.level) for name, each in known if isinstance(each, logging.Logger)]


def _is_not_of_the_tests_client(record: logging.LogRecord) -> bool:
    """False for what httpx logs of the test client's own requests."""
    return not (record.name == "httpx" and "http://presign/" in record.getMessage())


def reprs(*roots: object) -> Iterator[str]:
    """The `repr` of every reachable object of the service, and of their containers."""
    seen: dict[int, object] = {}
    todo = list(roots)
    while todo:
        each = todo.pop()
        if id(each) in seen or isinstance(each, str | bytes | int | float | None):
            continue
        seen[id(each)] = each  # kept alive, so that its id is not reused
        yield repr(each)
        todo += _parts(each)


def _parts(each: object) -> list[object]:
    if isinstance(each, dict):
        return [*each.keys(), *each.values()]
    if isinstance(each, list | tuple | set | frozenset):
        return list(each)
    if not type(each).__module__.startswith("service."):
        return [getattr(each, "__self__", None)]
    slots = [name for kind in type(each).__mro__ for name in getattr(kind, "__slots__", ())]
    return [*getattr(each, "__dict__", {}).values(), *(getattr(each, name) for name in slots)]
