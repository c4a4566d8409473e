"""What the service signs for a caller at one key, by every call that it has, in virtual time.

The store only records: it has one part of each upload, and no objects.
"""

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

import httpx

from service.access.bucket_arns import bucket_arns
from service.access.grants import Grant, Operation
from service.errors import PresignError, UploadNotFound
from service.multipart.object_checks import ObjectChecks, ObjectExpectation
from service.multipart.part_plan import PartPlan
from service.multipart.requests import Completion, NewUpload, PartChecksums, Upload
from service.multipart.uploads import MultipartUploads
from service.presigning.authorizer import Authorizer
from service.presigning.bucket import Bucket
from service.presigning.listings import ListingRequest, Listings
from service.presigning.presigner import Presigner
from service.protocols.remote_signing.remote_signer import RemoteSigner
from service.protocols.remote_signing.schemas import RemoteSignRequest
from service.s3.client import S3Client
from service.sessions.lifetime import Lifetime
from service.signing.actions import (
    Action,
    DeleteObject,
    Encryption,
    GetObject,
    HeadObject,
    ListObjects,
    PutObject,
)
from service.signing.copy_object import CopyObject, CopySource
from service.signing.multipart_actions import CreateMultipartUpload, UploadedPart
from service.signing.post_policy import PostObject
from service.signing.signer import Address
from service.telemetry.metrics import Metrics
from tests.iam.remote_requests import remote_requests
from tests.iam.s3_requests import BUCKET, HOST, KMS_KEY, VIA_S3, Sent
from tests.multipart.fake_s3 import xml
from tests.support.authorizer import make_authorizer
from tests.support.factories import (
    REQUESTER,
    make_bucket,
    make_form_request,
    make_request,
    make_snapshot,
)
from tests.support.pool import FakeSource
from tests.support.virtual_time import loop_clock

T = TypeVar("T")

ARNS: Final = bucket_arns(
    BUCKET, partition="aws", kms_via=(str(VIA_S3["kms:ViaService"]),), enforces_limits=True
)
ENCRYPTION: Final = Encryption(algorithm="aws:kms", kms_key_id=KMS_KEY)
AT_AWS: Final[Bucket] = make_bucket(
    s3_bucket=BUCKET,
    address=Address(scheme="https", host=HOST, path_prefix="/", region="eu-west-1"),
    arns=ARNS,
    encryption=ENCRYPTION,
)
PART: Final = 5 * 1024**2  # bytes
_ETAG: Final = '"d41d8cd98f00b204e9800998ecf8427e"'
_TAGS: Final = (("team", "x"),)


@dataclass
class Signed:
    """What sessions have signed, and the policies of these, by the ids of their keys."""

    policies: Mapping[str, str | None] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    refused: list[PresignError] = field(default_factory=list)

    def by_policy(self) -> Mapping[str | None, Sequence[Sent]]:
        found: dict[str | None, list[Sent]] = {}
        for each in self.sent:
            found.setdefault(self.policies[key_id(each)], []).append(each)
        return found

    async def result(self, call: Awaitable[T]) -> T | None:
        """Return the call's result, or None if it was refused."""
        try:
            return await call
        except UploadNotFound:  # says the store, which was asked
            return None
        except PresignError as error:
            self.refused.append(error)
            return None


async def everything_signed(grants: Sequence[Grant], key: str, source: str) -> Signed:
    """Return what the service signs at `key`, and for copies of `source` to it."""
    clock, signed = loop_clock(), Signed()
    sources = {"reports": FakeSource(clock)}
    snapshot = make_snapshot(*grants, buckets={"reports": AT_AWS})
    authorizer = make_authorizer(snapshot, sources)
    transport = _RecordingStore(signed.sent)
    store = S3Client(clock=clock, jitter=lambda: 0, observer=Metrics(), transport=transport)
    try:
        await _by_urls(authorizer, key, signed)
        await _by_copies(authorizer, key, source, signed)
        await _by_parts(MultipartUploads(authorizer, store), key, signed)
        await _by_the_service(authorizer, store, key, signed)
        await _by_remote_signing(authorizer, key, source, signed)
    finally:
        await store.close()
    of_bucket = sources["reports"]
    ids = [each.credentials.access_key_id for each in of_bucket.sessions]
    signed.policies = dict(zip(ids, of_bucket.policies, strict=True))
    return signed


def key_id(sent: Sent) -> str:
    """Return the id of the key that signed: it begins the credential's scope."""
    fields = {name.lower(): value for name, value in {**sent.query, **sent.fields}.items()}
    scope = fields.get("x-amz-credential") or sent.headers["Authorization"].partition("=")[2]
    return scope.partition("/")[0]


def _actions(key: str) -> Iterator[Action]:
    for version in (None, "v1"):
        yield GetObject(version_id=version)
        yield HeadObject(version_id=version)
        yield DeleteObject(version_id=version)
    yield ListObjects(prefix=key)
    yield ListObjects(prefix=key, delimiter="/", max_keys=1)
    changes: list[dict[str, Any]] = [{}, {"overwrite": True}, {"if_match": _ETAG}, {"tags": _TAGS}]
    for each in changes:
        yield PutObject(content_length=1, encryption=ENCRYPTION, **each)


async def _by_urls(authorizer: Authorizer, key: str, signed: Signed) -> None:
    presigner = Presigner(authorizer, unique_id=lambda: "id1")
    for action in _actions(key):
        for seconds in (60, 604_800):
            request = make_request(action, key=key, expires_in=seconds)
            of_download = replace(request, operation=Operation.DOWNLOAD)
            for each in [request, of_download] if isinstance(action, HeadObject) else [request]:
                if (url := await signed.result(presigner.presign(REQUESTER, each))) is not None:
                    signed.sent.append(Sent(method=url.method, url=url.url, headers=url.headers))
    places: list[Mapping[str, Any]] = [
        {"key": key, "overwrite": True},
        {"key_prefix": key[: key.rfind("/") + 1], "filename": "a"},
    ]
    for place in places:
        form = PostObject(max_content_length=1, tags=_TAGS)
        asked = make_form_request(form=form, **place)
        if (made := await signed.result(presigner.presign_form(REQUESTER, asked))) is not None:
            seconds = made.validity.expires_in
            signed.sent.append(
                Sent(method="POST", url=made.url, fields=made.fields, seconds=seconds)
            )


async def _by_copies(authorizer: Authorizer, key: str, source: str, signed: Signed) -> None:
    """Of objects with tags, in the bucket itself."""
    presigner = Presigner(authorizer, unique_id=lambda: "id1")
    for version in (None, "v1"):
        copied = CopySource(bucket="reports", key=source, version_id=version, etag=_ETAG)
        for overwrite in (False, True):
            request = make_request(CopyObject(source=copied, overwrite=overwrite), key=key)
            if (url := await signed.result(presigner.presign(REQUESTER, request))) is not None:
                headers = url.headers
                signed.sent.append(
                    Sent(method=url.method, url=url.url, headers=headers, of_tagged=True)
                )


async def _by_parts(multipart: MultipartUploads, key: str, signed: Signed) -> None:
    upload = Upload(bucket="reports", key=key, upload_id="upload-1")
    part = UploadedPart(part_number=1, etag=_ETAG)
    for overwrite in (False, True):
        request = NewUpload(
            bucket="reports",
            key=key,
            plan=PartPlan(PART, PART),
            action=CreateMultipartUpload(tags=_TAGS if overwrite else ()),
            checksums=PartChecksums(),
            lifetime=Lifetime(),
            overwrite=overwrite,
        )
        if (created := await signed.result(multipart.create(REQUESTER, request))) is not None:
            urls = [Sent(method=p.method, url=p.url, headers=p.headers) for p in created.parts]
            signed.sent.extend(urls)
        completion = Completion(
            upload=upload, content_length=PART, parts=[part], overwrite=overwrite
        )
        await signed.result(multipart.complete(REQUESTER, completion))
    await signed.result(multipart.abort(REQUESTER, upload))


async def _by_the_service(
    authorizer: Authorizer, store: S3Client, key: str, signed: Signed
) -> None:
    checks, listings = ObjectChecks(authorizer, store), Listings(authorizer, store)
    expected = ObjectExpectation(bucket="reports", key=key)
    await signed.result(checks.check(REQUESTER, expected))
    for prefix in (key, key[: key.rfind("/") + 1]):
        request = ListingRequest(bucket="reports", prefix=prefix)
        await signed.result(listings.page(REQUESTER, request))
        await signed.result(listings.versions(REQUESTER, request))


async def _by_remote_signing(authorizer: Authorizer, key: str, source: str, signed: Signed) -> None:
    signer = RemoteSigner(authorizer)
    for sent in remote_requests(key, source):
        request = RemoteSignRequest(
            region="eu-west-1",
            method=sent.method,
            uri=sent.url,
            headers={name: [value] for name, value in sent.headers.items()},
            body=sent.body.decode() or None,
        )
        asked = signer.sign(REQUESTER, request, bucket="reports", route="/sign")
        if (answer := await signed.result(asked)) is not None:
            signed.sent.append(replace(sent, headers={**sent.headers, **answer.headers}))


class _RecordingStore(httpx.AsyncBaseTransport):
    def __init__(self, sent: list[Sent]) -> None:
        self._sent = sent

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        headers = dict(request.headers)
        sent = Sent(method=request.method, url=str(request.url), headers=headers)
        self._sent.append(sent)
        match request.method:
            case "POST" if "uploads" in sent.query:
                name = "InitiateMultipartUploadResult"
                return xml(f"<{name}><UploadId>upload-1</UploadId></{name}>")
            case "POST":
                return xml("<Error><Code>NoSuchUpload</Code></Error>", 404)
            case "GET" if "uploadId" in sent.query:
                part = f"<PartNumber>1</PartNumber><ETag>{_ETAG}</ETag><Size>{PART}</Size>"
                return xml(f"<ListPartsResult><Part>{part}</Part></ListPartsResult>")
            case "GET" if "versions" in sent.query:
                return xml("<ListVersionsResult></ListVersionsResult>")
            case "GET":
                return xml("<ListBucketResult></ListBucketResult>")
            case _:
                return xml(status=404 if request.method == "HEAD" else 204)
