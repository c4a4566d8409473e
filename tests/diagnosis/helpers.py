"""Requests that are signed as the service signs them, and what is told of them when they fail."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

from service.diagnosis.bucket_lookup import BucketLocation
from service.diagnosis.diagnose import Context, diagnose, parse_report
from service.diagnosis.findings import Finding
from service.diagnosis.request import ReportedRequest
from service.sessions.session import Session
from service.signing import sigv4
from service.signing.actions import GetObject, PutObject
from service.signing.signer import Address, Signable, Signer
from service.signing.sigv4 import Credentials

NOW: Final = 1_772_366_400  # 2026-03-01T12:00:00Z
SECRET: Final = "wJalrXUtnFEMI-sentinel-secret"
TOKEN: Final = "IQoJb3JpZ2luX2VjEB0aDGV1+sentinel/token+with==signs"
KEY_ID: Final = "ASIAIOSFODNN7EXAMPLE"
ADDRESS: Final = Address(
    scheme="https",
    host="acme-reports.s3.eu-west-1.amazonaws.com",
    path_prefix="/",
    region="eu-west-1",
)
PLACE: Final = BucketLocation(bucket="reports", s3_bucket="acme-reports", address=ADDRESS)
CREDENTIALS: Final = Credentials(
    access_key_id=KEY_ID, secret_access_key=SECRET, session_token=TOKEN
)
SESSION: Final = Session(
    credentials=CREDENTIALS, name="billing", starts_at=NOW - 60, expires_at=NOW + 3540
)
KNOWN: Final = Context(now=NOW + 30, location=PLACE, session=SESSION, has_sessions=True)
STRANGER: Final = Context(now=NOW + 30, location=PLACE, has_sessions=True)
OFFLINE: Final = Context(now=NOW + 30)
UPLOAD: Final = PutObject(content_length=5, content_type="text/plain")
MISMATCH: Final = "<Error><Code>SignatureDoesNotMatch</Code><Message>…</Message></Error>"


def signed(
    action: Signable | None = None,
    key: str = "invoices/a b.txt",
    *,
    address: Address = ADDRESS,
    now: int = NOW,
    expires_in: int = 900,
    credentials: Credentials = CREDENTIALS,
) -> str:
    signer = Signer(credentials, address)
    return signer.presign(action or GetObject(), key, now=now, expires_in=expires_in)


def told(url: str, method: str = "GET", **more: Any) -> ReportedRequest:
    """A request as its sender tells of it, with all headers that it sent."""
    return ReportedRequest(**{"method": method, "url": url, "headers": {}, **more})


def upload(action: PutObject = UPLOAD, **changes: str | None) -> ReportedRequest:
    """An upload as it was answered, but for what is changed; None leaves a header out."""
    headers = dict(action.headers())
    for name, value in changes.items():
        header = name.replace("_", "-")
        if value is None:
            del headers[header]
        else:
            headers[header] = value
    return told(signed(action), "PUT", headers=headers)


def error(code: str, message: str = "", **fields: str) -> dict[str, Any]:
    """What is told of the answer: its body, with S3's error in it."""
    members = {"Code": code, "Message": message, **fields}
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in members.items())
    return {"status": 403, "body": f'<?xml version="1.0"?>\n<Error>{inner}</Error>'}


def canonical(action: Signable, *, payload: str = sigv4.UNSIGNED_PAYLOAD, **changes: str) -> str:
    """S3's canonical request of an upload of `signed`'s key, but for what was changed on the way."""
    headers = {"host": ADDRESS.host, **action.headers()}
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    parts = urlsplit(signed(action))
    query = parts.query.partition("&X-Amz-Signature")[0]
    return sigv4.canonical_request(action.METHOD, parts.path, query, headers, payload)


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def refused(asked: ReportedRequest, answer: Mapping[str, Any]) -> ReportedRequest:
    return replace(asked, **answer)


def found(asked: ReportedRequest, known: Context = KNOWN) -> list[Finding]:
    return diagnose(parse_report(asked), known)


def first(asked: ReportedRequest, known: Context = KNOWN) -> Finding:
    return found(asked, known)[0]
