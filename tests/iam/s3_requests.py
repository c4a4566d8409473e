"""What AWS authorizes when a signed request arrives, read from the request alone.

The actions that each call needs: docs.aws.amazon.com/AmazonS3/latest/userguide/
using-with-s3-policy-actions.html; with KMS: …/userguide/UsingKMSEncryption.html and
…/userguide/mpuoverview.html#mpuAndPermissions; the keys of each action:
docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree.ElementTree import fromstring

from tests.iam.simulator import ACCOUNT, ROLE, Context, IamRequest

BUCKET: Final = "acme"
BUCKET_ARN: Final = f"arn:aws:s3:::{BUCKET}"
HOST: Final = f"{BUCKET}.s3.eu-west-1.amazonaws.com"
KMS_KEY: Final = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
# A key leaves it to the account's policies: …/kms/latest/developerguide/key-policy-default.html
_KEY_POLICY: Final = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "kms:*",
        "Resource": "*",
    },
}
VIA_S3: Final[Context] = {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}
# The keys that every request of a session has.
OF_A_SESSION: Final[Context] = {
    "aws:PrincipalArn": ROLE,
    "aws:ResourceAccount": ACCOUNT,
    "aws:SecureTransport": "true",
    "aws:SourceIp": "203.0.113.7",
    "aws:TokenIssueTime": "2026-01-01T00:00:00Z",
    "aws:userid": "AROAEXAMPLEEXAMPLE111:presign",
}
_CONDITIONS: Final = {
    "if-match": "s3:if-match",
    "if-none-match": "s3:if-none-match",
    "x-amz-acl": "s3:x-amz-acl",
    "x-amz-copy-source": "s3:x-amz-copy-source",
    "x-amz-metadata-directive": "s3:x-amz-metadata-directive",
    "x-amz-server-side-encryption": "s3:x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-storage-class": "s3:x-amz-storage-class",
}
_COPY_SOURCE: Final = "x-amz-copy-source"
_OF_A_LIST: Final = {"prefix": "s3:prefix", "delimiter": "s3:delimiter", "max-keys": "s3:max-keys"}


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A request as S3 receives it. `fields` are those of a form, which is valid for `seconds`.

    `of_tagged` is a copy of an object that has tags.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: int = 0
    of_tagged: bool = False

    @property
    def key(self) -> str:
        path = unquote(urlsplit(self.url).path)[1:]
        return self.fields.get("key", path)

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))

    @property
    def signature(self) -> Context:
        """…/AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html: it is as old as may be."""
        seconds = self.query.get("X-Amz-Expires")
        if self.fields:
            return {"s3:authType": "POST", "s3:signatureAge": f"{self.seconds * 1000}"}
        if seconds is None:
            return {"s3:authType": "REST-HEADER"}
        return {"s3:authType": "REST-QUERY-STRING", "s3:signatureAge": f"{int(seconds) * 1000}"}


def iam_requests(sent: Sent, *, encrypted: bool = True) -> Iterator[IamRequest]:
    """Yield what AWS authorizes. If objects are `encrypted`, then by KMS_KEY."""
    assert urlsplit(sent.url).netloc == HOST
    keys = {**OF_A_SESSION, **sent.signature, "s3:signatureversion": "AWS4-HMAC-SHA256"}
    kms = list[str]()
    for action, resource, own in _authorized(sent):
        yield IamRequest(action=action, resource=resource, context={**keys, **own})
        kms += _KMS.get(action, ()) if sent.method != "HEAD" else ()
    if "x-amz-checksum-mode" in sent.headers or "uploadId" in sent.query:
        kms += ["kms:Decrypt"] * (sent.method != "DELETE")
    for action in dict.fromkeys(kms if encrypted else ()):
        yield kms_request(action)


def kms_request(action: str) -> IamRequest:
    """Return what S3 does with the key in the session's name."""
    context = {**OF_A_SESSION, **VIA_S3}
    return IamRequest(action=action, resource=KMS_KEY, context=context, resource_policy=_KEY_POLICY)


_KMS: Final[Mapping[str, tuple[str, ...]]] = {
    "s3:GetObject": ("kms:Decrypt",),
    "s3:GetObjectVersion": ("kms:Decrypt",),
    "s3:PutObject": ("kms:GenerateDataKey",),
}
_Authorized = tuple[str, str, Context]


def _authorized(sent: Sent) -> Iterator[_Authorized]:
    if sent.fields:
        yield from _creation(sent.key, sent.fields, completes=True)
    elif not sent.key:
        yield from _of_the_bucket(sent)
    elif "uploads" in sent.query or "uploadId" in sent.query:
        yield from _of_an_upload(sent)
    elif sent.method == "PUT":
        yield from _copied(sent)
        for headers in _decoded_or_not(sent.headers):
            yield from _creation(sent.key, headers, completes=True)
    else:
        named = "GetObject" if sent.method in {"GET", "HEAD"} else "DeleteObject"
        version = sent.query.get("versionId")
        yield _of_an_object(named, sent.key, version)


def _of_the_bucket(sent: Sent) -> Iterator[_Authorized]:
    query = sent.query
    if sent.method == "POST":
        for each in fromstring(sent.body):
            yield _of_an_object(
                "DeleteObject", each.findtext("Key", ""), each.findtext("VersionId")
            )
    elif "uploads" in query:
        yield "s3:ListBucketMultipartUploads", BUCKET_ARN, {}
    else:
        action = "s3:ListBucketVersions" if "versions" in query else "s3:ListBucket"
        own = {key: query[name] for name, key in _OF_A_LIST.items() if name in query}
        yield action, BUCKET_ARN, own


def _of_an_upload(sent: Sent) -> Iterator[_Authorized]:
    """…/userguide/conditional-writes-enforce.html has ObjectCreationOperation."""
    match sent.method:
        case "PUT":
            yield from _copied(sent)
            copy = {k: v for k, v in sent.headers.items() if k == _COPY_SOURCE}
            for headers in _decoded_or_not(copy):
                yield from _creation(sent.key, headers, completes=False)
        case "POST":
            yield from _creation(sent.key, sent.headers, completes="uploadId" in sent.query)
        case "GET":
            yield "s3:ListMultipartUploadParts", f"{BUCKET_ARN}/{sent.key}", {}
        case _:
            yield "s3:AbortMultipartUpload", f"{BUCKET_ARN}/{sent.key}", {}


def _creation(key: str, headers: Mapping[str, str], *, completes: bool) -> Iterator[_Authorized]:
    own: dict[str, str] = {"s3:ObjectCreationOperation": str(completes).lower()}
    own |= {of: headers[name] for name, of in _CONDITIONS.items() if name in headers}
    tags = dict(parse_qsl(headers.get("x-amz-tagging", "")))
    of_tags: dict[str, str | list[str]] = {f"s3:RequestObjectTag/{k}": v for k, v in tags.items()}
    if tags:
        of_tags["s3:RequestObjectTagKeys"] = list(tags)
        yield "s3:PutObjectTagging", f"{BUCKET_ARN}/{key}", of_tags
    yield "s3:PutObject", f"{BUCKET_ARN}/{key}", {**own, **of_tags}
    if "x-amz-acl" in headers:
        yield "s3:PutObjectAcl", f"{BUCKET_ARN}/{key}", {"s3:x-amz-acl": headers["x-amz-acl"]}


def _decoded_or_not(headers: Mapping[str, str]) -> list[Mapping[str, str]]:
    """No page says whether IAM sees the source of a copy decoded, so both must be allowed."""
    source = headers.get(_COPY_SOURCE, "")
    if unquote(source) == source:
        return [headers]
    return [headers, {**headers, _COPY_SOURCE: unquote(source)}]


def _copied(sent: Sent) -> Iterator[_Authorized]:
    if (source := sent.headers.get(_COPY_SOURCE)) is None:
        return
    path, _, version = source.partition("?versionId=")
    bucket, _, key = unquote(path.removeprefix("/")).partition("/")
    assert bucket == BUCKET
    yield _of_an_object("GetObject", key, version or None)
    if sent.of_tagged:  # …/API_CopyObject.html: the copy has the tags of its source
        yield _of_an_object("GetObjectTagging", key, version or None)


def _of_an_object(action: str, key: str, version: str | None) -> _Authorized:
    resource = f"{BUCKET_ARN}/{key}"
    if version is None:
        return f"s3:{action}", resource, {}
    of_a_version = action.replace("Object", "ObjectVersion")
    return f"s3:{of_a_version}", resource, {"s3:versionid": version}
