"""Requests signed as the service signs them, and reports of how they failed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

from service.diagnosis.bucket_lookup import BucketLocation
from service.diagnosis.diagnose import Context, diagnose, parse_report
from service.diagnosis.findings import Code, Finding
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


def report(url: str, method: str = "GET", **more: Any) -> ReportedRequest:
    """A report that no headers were sent, unless `headers` says so."""
    return ReportedRequest(**{"method": method, "url": url, "headers": {}, **more})


def upload(action: PutObject = UPLOAD, **changes: str | None) -> ReportedRequest:
    """An upload with the signed headers. `changes` sets other values; None omits a header."""
    headers = action.headers() | {name.replace("_", "-"): value for name, value in changes.items()}
    sent = {name: value for name, value in headers.items() if value is not None}
    return report(signed(action), "PUT", headers=sent)


def error(code: str, message: str = "", **fields: str) -> dict[str, Any]:
    """The reported response with S3's error document."""
    members = {"Code": code, "Message": message, **fields}
    inner = "".join(f"<{name}>{_escape(value)}</{name}>" for name, value in members.items())
    return {"status": 403, "body": f'<?xml version="1.0"?>\n<Error>{inner}</Error>'}


def canonical(action: Signable, *, payload: str = sigv4.UNSIGNED_PAYLOAD, **changes: str) -> str:
    """S3's canonical request for an upload of `signed`'s key, with some headers changed."""
    headers = {"host": ADDRESS.host, **action.headers()}
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    parts = urlsplit(signed(action))
    query = parts.query.partition("&X-Amz-Signature")[0]
    return sigv4.canonical_request(action.METHOD, parts.path, query, headers, payload)


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


MISMATCH: Final = error("SignatureDoesNotMatch")
FORM: Final = report(f"https://{ADDRESS.host}/", "POST")


def with_response(reported: ReportedRequest, response: Mapping[str, Any]) -> ReportedRequest:
    return replace(reported, **response)


def mismatched(reported: ReportedRequest) -> ReportedRequest:
    return with_response(reported, MISMATCH)


def diagnosed(reported: ReportedRequest, context: Context = KNOWN) -> list[Finding]:
    return diagnose(parse_report(reported), context)


def codes(reported: ReportedRequest, context: Context = KNOWN) -> list[Code]:
    return [finding.code for finding in diagnosed(reported, context)]


def first(reported: ReportedRequest, context: Context = KNOWN) -> tuple[Code, bool]:
    """The first finding's code, and whether it is proven."""
    finding = diagnosed(reported, context)[0]
    return finding.code, finding.proven
