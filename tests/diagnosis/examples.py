"""One failing request for each finding code, as docs/troubleshooting.md shows them.

`python -m tests.diagnosis.examples` prints the page's tables.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from service.diagnosis.diagnose import Context, diagnose, parse_report
from service.diagnosis.findings import Code, Finding
from service.diagnosis.request import ReportedRequest
from service.signing.actions import GetObject, HeadObject, PutObject
from service.signing.multipart_actions import UploadPart
from tests.diagnosis.reports import (
    ADDRESS,
    FORM,
    KNOWN,
    MISMATCH,
    NOW,
    STRANGER,
    UPLOAD,
    canonical,
    error,
    report,
    signed,
    upload,
    with_response,
)

URL: Final = signed()
HOST: Final = ADDRESS.host
SKEWED: Final = {"RequestTime": "20260301T110000Z", "ServerTime": "2026-03-01T12:00:30Z"}
PART: Final = UploadPart(upload_id="VXBsb2Fk", part_number=1, content_length=5)


@dataclass(frozen=True, slots=True)
class Example:
    description: str
    reported: ReportedRequest
    context: Context = KNOWN

    def findings(self) -> list[Finding]:
        return diagnose(parse_report(self.reported), self.context)


def get(url: str = URL, **answer: object) -> ReportedRequest:
    return with_response(report(url), answer)


def put(action: PutObject = UPLOAD, **answer: object) -> ReportedRequest:
    return with_response(upload(action), answer)


def without_token(url: str) -> str:
    return re.sub("X-Amz-Security-Token=[^&]*&", "", url)


THE_URL: Final = {
    Code.URL_TRUNCATED: Example("The last ten characters are missing", get(URL[:-10])),
    Code.URL_ESCAPED: Example("Copied from HTML source", get(URL.replace("&", "&amp;"))),
    Code.URL_REENCODED: Example(
        "Passed through a function that encodes URLs", get(URL.replace("%", "%25"))
    ),
    Code.URL_BROKEN: Example("Copied from an e-mail", get(f"{URL[:76]}\r\n{URL[76:]}")),
    Code.SIGNATURE_MALFORMED: Example("Copied with a full stop", get(f"{URL}.")),
    Code.SIGNATURE_V2: Example(
        "Signed by an SDK with its defaults for an old region",
        get(f"https://{HOST}/a?AWSAccessKeyId=AKIA&Signature=c2lnbmF0dXJl&Expires=1772367300"),
    ),
    Code.QUERY_MALFORMED: Example(
        "`X-Amz-Expires` was set to 30 days", get(URL.replace("s=900", "s=2592000"))
    ),
    Code.TWO_AUTHORIZATIONS: Example(
        "A client sends its own token too",
        with_response(
            report(URL, headers={"Authorization": "Bearer …"}),
            error("InvalidArgument", "Only one auth mechanism allowed; only the X-Amz-Algorithm …"),
        ),
    ),
}
CREDENTIALS: Final = {
    Code.TOKEN_LOST: Example(
        "A proxy dropped a long parameter", get(without_token(URL), **error("InvalidToken"))
    ),
    Code.TOKEN_CHANGED: Example(
        "The token of another session was inserted", get(URL.replace("Token=", "Token=A"))
    ),
    Code.EXPIRED: Example("Used two hours after it was signed", get(signed(now=NOW - 7200))),
    Code.SESSION_ENDED: Example(
        "Signed for a day with a session of an hour",
        get(signed(expires_in=86_400), **error("ExpiredToken")),
        replace(KNOWN, now=NOW + 4000),
    ),
    Code.NOT_YET_VALID: Example(
        "Signed by a clock that is an hour ahead", get(signed(now=NOW + 3600))
    ),
    Code.CLOCK_SKEW: Example(
        "A client sent its own `x-amz-date`", get(**error("RequestTimeTooSkewed", **SKEWED))
    ),
    Code.KEY_ID_UNKNOWN: Example(
        "Sent to another store", get(**error("InvalidAccessKeyId")), STRANGER
    ),
    Code.SIGNED_ELSEWHERE: Example("Diagnosed by a replica that did not sign it", get(), STRANGER),
}
SIGNATURE: Final = {
    Code.WRONG_REGION: Example(
        "The signer's region is not the bucket's",
        get(
            signed(address=replace(ADDRESS, region="us-east-1")),
            **error(
                "AuthorizationQueryParametersError",
                "Error parsing the X-Amz-Credential parameter; the region 'us-east-1' is wrong",
                Region="eu-west-1",
            ),
        ),
    ),
    Code.REDIRECTED: Example(
        "Sent to the global host of a new bucket",
        get(**error("TemporaryRedirect", Endpoint="acme-reports.s3-eu-west-1.amazonaws.com")),
    ),
    Code.DOT_SEGMENTS: Example(
        "A key `a/../b`, signed by another signer", get(signed(key="a/../b"), **MISMATCH)
    ),
    Code.METHOD_CHANGED: Example(
        "A download URL used for an upload", with_response(report(URL, "PUT"), MISMATCH)
    ),
    Code.HOST_CHANGED: Example(
        "The host was replaced by the global one",
        get(URL.replace(HOST, "acme-reports.s3.amazonaws.com"), **MISMATCH),
    ),
    Code.KEY_REENCODED: Example(
        "`+` in place of the space in the key", get(URL.replace("a%20b", "a+b"), **MISMATCH)
    ),
    Code.KEY_CHANGED: Example(
        "A slash was added to the key", get(URL.replace(".txt?", ".txt/?"), **MISMATCH)
    ),
    Code.QUERY_CHANGED: Example("A tracker was added", get(f"{URL}&utm_source=mail", **MISMATCH)),
    Code.CONTENT_TYPE_CHANGED: Example(
        "A library adds a charset",
        with_response(upload(content_type="text/plain; charset=utf-8"), MISMATCH),
    ),
    Code.CONTENT_LENGTH_CHANGED: Example(
        "Six bytes instead of five", with_response(upload(content_length="6"), MISMATCH)
    ),
    Code.HEADER_MISSING: Example(
        "An upload without `if-none-match`", with_response(upload(if_none_match=None), MISMATCH)
    ),
    Code.HEADER_UNSIGNED: Example(
        "An upload with an added ACL",
        with_response(
            upload(x_amz_acl="public-read"),
            error(
                "AccessDenied",
                "There were headers present in the request which were not signed",
                HeadersNotSigned="x-amz-acl",
            ),
        ),
    ),
    Code.HEADER_CHANGED: Example(
        "A proxy changed a header, as S3's canonical request shows",
        with_response(
            report(
                signed(METADATA := PutObject(content_length=5, metadata=(("author", "Ann"),))),
                "PUT",
                headers=METADATA.headers(),
            ),
            error(
                "SignatureDoesNotMatch",
                CanonicalRequest=canonical(METADATA, x_amz_meta_author="Bob"),
            ),
        ),
    ),
    Code.PAYLOAD_HASHED: Example(
        "A client sent the body's hash",
        with_response(
            upload(),
            error("SignatureDoesNotMatch", CanonicalRequest=canonical(UPLOAD, payload="e3b0c442")),
        ),
        STRANGER,
    ),
    Code.CHANGED_UNDERWAY: Example(
        "The report is right, so the change came later", get(**MISMATCH)
    ),
    Code.SIGNATURE_MISMATCH: Example(
        "The signature was edited", get(URL[:-1] + ("1" if URL[-1] == "0" else "0"), **MISMATCH)
    ),
}
FORMS: Final = {
    Code.FORM_REFUSED: Example(
        "A field was added to the form",
        with_response(
            FORM, error("AccessDenied", "Invalid according to Policy: Extra input fields: acl")
        ),
    ),
    Code.FORM_MALFORMED: Example(
        "The file is not the last field", with_response(FORM, error("MalformedPOSTRequest"))
    ),
    Code.TOO_LARGE: Example(
        "A file larger than the form allows", with_response(FORM, error("EntityTooLarge"))
    ),
    Code.TOO_SMALL: Example("An empty file", with_response(FORM, error("EntityTooSmall"))),
}
STORE: Final = {
    Code.GRANT_CONDITION: Example(
        "Sent from home, with a grant for the office",
        get(**error("AccessDenied", "… because no session policy allows the s3:GetObject action")),
        replace(KNOWN, conditions=["only from 203.0.113.0/24"]),
    ),
    Code.ACCESS_DENIED: Example(
        "The role may not read the object",
        get(**error("AccessDenied", "… because no identity-based policy allows the action")),
    ),
    Code.OBJECT_MISSING: Example("The key is misspelt", get(**error("NoSuchKey"))),
    Code.VERSION_MISSING: Example(
        "A version that was deleted",
        get(signed(GetObject(version_id="v")), **error("NoSuchVersion")),
    ),
    Code.BUCKET_MISSING: Example("The bucket was deleted", get(**error("NoSuchBucket"))),
    Code.UPLOAD_MISSING: Example(
        "A part sent after the upload was completed",
        with_response(report(signed(PART), "PUT"), error("NoSuchUpload")),
    ),
    Code.OBJECT_EXISTS: Example("An upload sent twice", put(**error("PreconditionFailed"))),
    Code.CONDITION_FAILED: Example(
        "The object was replaced in the meantime",
        put(PutObject(content_length=5, if_match='"etag"'), **error("PreconditionFailed")),
    ),
    Code.WRITE_CONFLICT: Example("Two uploads at once", put(**error("ConditionalRequestConflict"))),
    Code.RANGE_INVALID: Example(
        "A download resumed after the object became shorter",
        with_response(report(URL, headers={"Range": "bytes=5000000-"}), error("InvalidRange")),
    ),
    Code.CHECKSUM_MISMATCH: Example("The checksum of another file", put(**error("BadDigest"))),
    Code.LENGTH_MISSING: Example("A stream of unknown size", put(**error("MissingContentLength"))),
    Code.BODY_INCOMPLETE: Example("The connection broke", put(**error("IncompleteBody"))),
    Code.OBJECT_ARCHIVED: Example("An object in Glacier", get(**error("InvalidObjectState"))),
    Code.KEY_TOO_LONG: Example("A key of 2,000 bytes", get(**error("KeyTooLongError"))),
    Code.METHOD_NOT_ALLOWED: Example(
        "A HEAD of a delete marker",
        with_response(report(signed(HeadObject()), "HEAD"), error("MethodNotAllowed")),
    ),
    Code.STORE_BUSY: Example("Thousands of requests at once", get(**error("SlowDown"))),
    Code.STORE_REFUSED: Example("Any other error code", get(**error("RestoreAlreadyInProgress"))),
}
SECTIONS: Final = {
    "The URL": THE_URL,
    "Times and credentials": CREDENTIALS,
    "The signature": SIGNATURE,
    "Forms": FORMS,
    "Errors of the store": STORE,
}
EXAMPLES: Final = {code: each for section in SECTIONS.values() for code, each in section.items()}


def row(code: Code) -> str:
    """Return a row of the page, which shows in its first example the command that a fix ends in."""
    finding = EXAMPLES[code].findings()[0]
    fix = re.sub(r": `curl [^`]*`$", ".", finding.fix)
    return f"| `{code}` | {finding.summary} | {fix} |"


def tables() -> Iterator[str]:
    for title, section in SECTIONS.items():
        yield f"### {title}"
        yield ""
        yield "| code | for example | fix |"
        yield "| --- | --- | --- |"
        yield from (row(code) for code in section)
        yield ""


if __name__ == "__main__":
    print("\n".join(tables()))  # noqa: T201 - that is what it is for
