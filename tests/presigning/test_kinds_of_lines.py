"""Each kind of audit line, byte for byte, and what each answer counts.

Each line in `kinds_of_lines.jsonl` has the name of its case as its `request_id`.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from service.access.callers import Identity
from service.access.grants import AccessRequest, Caller, Operation
from service.access.narrowing import Permission
from service.errors import Forbidden, InvalidRequest, LimitExceeded, RateLimited
from service.presigning.answers import Unsigned
from service.presigning.audit import RefusedBatch, origin_of
from service.presigning.audit_trail import AuditTrail
from service.presigning.cookies import CookiesRequest, SignedCookies
from service.presigning.requests import (
    Requester,
    StoreRequest,
    UnreadRequest,
)
from service.presigning.results import (
    AuthorizedStoreAccess,
    PresignedForm,
    PresignedRequest,
    PresignedRequests,
)
from service.protocols.arrivals.hooks import Arrival, members_of_try
from service.protocols.links.answers import EndedLink, LinkRequest, MadeLink, OwnLinks
from service.protocols.remote_signing.remote_signer import SignedHeaders
from service.protocols.vended_credentials import CredentialsRequest, VendedCredentials
from service.sessions.lifetime import GrantedLifetime, Lifetime, Validity
from service.sessions.session import Session
from service.signing.actions import ListObjects
from service.signing.cloudfront import CloudFrontSigner
from service.signing.copy_object import CopyObject, CopySource
from service.signing.signer import Signer
from service.telemetry.metrics import Metrics
from tests.protocols.arrivals.factories import one
from tests.support.cloudfront import KEY_ID, ec_key
from tests.support.factories import (
    ADDRESS,
    REQUESTER,
    UPLOAD,
    make_credentials,
    make_form_request,
    make_request,
)
from tests.support.virtual_time import CLOCK_START, FakeClock

GOLDEN: Final = Path(__file__).with_name("kinds_of_lines.jsonl")
NAMES: Final = {"reports": "acme-reports"}
SESSION: Final = Session(
    credentials=make_credentials(), name="billing-0123456789ab", starts_at=CLOCK_START
)
KEY_PAIR: Final = CloudFrontSigner(KEY_ID, ec_key())
VALID: Final = Validity(int(CLOCK_START), GrantedLifetime(900, None))
LIMITED: Final = Validity(int(CLOCK_START), GrantedLifetime(60, "grant"))
WINDOW: Final = Validity(int(CLOCK_START), GrantedLifetime(1200, "session"), "0123456789abcdef")
SIGNED: Final = PresignedRequest(
    method="GET", url="", headers={}, validity=VALID, signed_by=SESSION
)
BATCH: Final = PresignedRequests(
    method="GET", urls=[], headers={}, validity=VALID, signed_by=SESSION
)
FORM: Final = PresignedForm(url="", key="in/1", fields={}, validity=LIMITED, signed_by=SESSION)
HEADERS: Final = SignedHeaders(headers={}, covers_only_url=True, validity=VALID, signed_by=SESSION)
COOKIES: Final = SignedCookies(cookies={}, url="", validity=VALID, signed_by=KEY_PAIR)
SOURCE: Final = CopySource(bucket="photos", key="x/y")
COPY: Final = make_request(CopyObject(source=SOURCE, overwrite=True))
CREDENTIALS: Final = CredentialsRequest(bucket="reports", prefix="a/", permission=Permission.READ)
FOLDER: Final = CookiesRequest(bucket="reports", key="film/", lifetime=Lifetime(expires_in=60))
LINK: Final = LinkRequest(
    bucket="reports", key="a/b", purpose=Operation.DOWNLOAD, lifetime=Lifetime(expires_in=9000)
)
UNREAD: Final = UnreadRequest("/v1/links/{id}")
BY_TOOL: Final = origin_of((("tool", "sign_download"), ("agent", 'a "b"'), ("none", None)))
BY_LINK: Final = replace(REQUESTER, link_id="AbCd", client=None)


def store_request(action: str, operation: Operation, **more: Any) -> StoreRequest:
    access = AccessRequest(operation=operation, bucket="reports", key="a/b")
    return StoreRequest(action=action, access_request=access, **more)


def store_access(urls: int) -> AuthorizedStoreAccess:
    signer = Signer(SESSION.credentials, ADDRESS)
    return AuthorizedStoreAccess(
        session=SESSION, signer=signer, internal_signer=signer, validity=VALID, urls=urls
    )


PARTS: Final = store_request("UploadPart", Operation.MULTIPART, upload_id="u-1")
CHECK: Final = store_request("HeadObject", Operation.CHECK)
SIGNS: Final = store_request("GetObject", Operation.SIGN, lifetime=Lifetime(expires_in=60))
DIAGNOSIS: Final = store_request("DiagnoseRequest", Operation.DOWNLOAD)

CASES: Final[dict[str, Sequence[tuple[Any, Any, Any]]]] = {
    "a download": [(make_request(), "a/b", SIGNED)],
    "a shorter one": [(make_request(expires_in=600), "a/b", replace(SIGNED, validity=LIMITED))],
    "a window": [(make_request(stable_for=300), "a/b", replace(SIGNED, validity=WINDOW))],
    "an upload": [(make_request(UPLOAD), "ä\n", SIGNED)],
    "a list": [(make_request(ListObjects(prefix="a/")), "a/", SIGNED)],
    "a copy": [(COPY, "a/b", SIGNED)],
    "a refused copy": [(COPY, "a/b", Forbidden())],
    "a form": [(make_form_request(key="in/1"), "in/1", FORM)],
    "a refused form": [(make_form_request(key="in/1"), "in/1", Forbidden())],
    "a batch": [
        (make_request(), ["1", "2"], BATCH),
        (make_request(), ["3"], Forbidden()),
        (make_request(), ["4"], BATCH),
    ],
    "a CloudFront URL": [(make_request(), "a/b", replace(SIGNED, signed_by=KEY_PAIR))],
    "cookies": [(FOLDER, "film/", COOKIES)],
    "refused cookies": [(FOLDER, "film/", Forbidden())],
    "a call to the store": [(CHECK, "a/b", store_access(0))],
    "three parts": [(PARTS, "a/b", store_access(3))],
    "refused parts": [(PARTS, "a/b", Forbidden())],
    "signed headers": [(SIGNS, "a/b", HEADERS)],
    "signed deletions": [(SIGNS, ["1", "2"], HEADERS)],
    "signed deletions, unread": [(SIGNS, [], HEADERS)],
    "credentials": [(CREDENTIALS, "a/", VendedCredentials(SESSION, VALID))],
    "refused credentials": [(CREDENTIALS, "a/", Forbidden())],
    "a link": [(LINK, "a/b", MadeLink(8000, "grant"))],
    "a refused link": [(LINK, "a/b", Forbidden())],
    "an ended link": [(UNREAD, (), EndedLink())],
    "a list of links": [(UNREAD, (), OwnLinks(links=[], next=None))],
    "a refused list of links": [(UNREAD, (), RateLimited("Later."))],
    "a diagnosis": [(DIAGNOSIS, "a/b", Unsigned())],
    "a diagnosis without a finding": [(DIAGNOSIS, "a/b", Unsigned())],
    "a refused diagnosis": [(DIAGNOSIS, "a/b", Forbidden())],
    "another bucket": [(make_request(bucket="none"), "a/b", Forbidden())],
    "many refusals": [
        (make_request(expires_in=1 + number // 2), f"{number}", LimitExceeded("Less."))
        for number in range(30)
    ],
    "many unread refusals": [
        *((make_request(expires_in=1 + n), f"{n}", LimitExceeded("Less.")) for n in range(10)),
        (UNREAD, (), InvalidRequest("No.")),
    ],
}
COUNTS: Final = [
    'presign_lifetimes_limited_total{by="grant"} 3.0',
    'presign_lifetimes_limited_total{by="session"} 1.0',
    'presign_refused_total{code="forbidden"} 9.0',
    'presign_refused_total{code="invalid_request"} 1.0',
    'presign_refused_total{code="limit_exceeded"} 40.0',
    'presign_refused_total{code="rate_limited"} 1.0',
    'presign_signed_total{bucket="reports",operation="check"} 0.0',
    'presign_signed_total{bucket="reports",operation="credentials"} 1.0',
    'presign_signed_total{bucket="reports",operation="download"} 8.0',
    'presign_signed_total{bucket="reports",operation="form"} 1.0',
    'presign_signed_total{bucket="reports",operation="link"} 1.0',
    'presign_signed_total{bucket="reports",operation="list"} 1.0',
    'presign_signed_total{bucket="reports",operation="multipart"} 3.0',
    'presign_signed_total{bucket="reports",operation="sign"} 4.0',
    'presign_signed_total{bucket="reports",operation="upload"} 2.0',
]


class Recorded:
    """An audit trail, its lines, and its metrics."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.metrics = Metrics()
        self.clock = FakeClock()
        self.trail = AuditTrail(self.lines.extend, clock=self.clock, observer=self.metrics)

    def record(self, requester: Requester, outcomes: Sequence[tuple[Any, Any, Any]]) -> None:
        assert self.trail.record(requester, outcomes, NAMES) is None

    async def counts(self) -> list[str]:
        text = (await self.metrics.render()).decode()
        ours = ("presign_signed", "presign_refused", "presign_lifetimes")
        return sorted(line for line in text.splitlines() if line.startswith(ours))


async def record_the_others(recorded: Recorded) -> None:
    """Record what is neither a request nor its answer."""
    trail, requester = recorded.trail, replace(REQUESTER, request_id="a refused batch")
    for bucket in ("reports", None):
        batch = RefusedBatch("download", bucket, [*"abcdefghijkl"], 12)
        await trail.record_batch(requester, batch, RateLimited("Later."), NAMES)
    await trail.record_unauthenticated("a stranger", "192.0.2.7", "/v1/download-urls")
    await trail.record_unauthenticated("a stranger", None, "/v1/download-urls")
    used = replace(BY_LINK, request_id="a refused use")
    await trail.record_refused_use(used, "/l/{ticket}", Forbidden())
    arrival = Arrival("reports", replace(one(), s3_bucket="acme-reports"))
    accepted = members_of_try("billing", "evt_1", arrival, 200, None)
    await trail.record_event(accepted, "a/b")
    failed = members_of_try("billing", "evt_1", arrival, 500, "it answered 500")
    pusher = replace(REQUESTER, request_id="a pushed event")
    await trail.record_event(failed, "k" * 2000, pusher)


async def test_each_kind_of_line_is_as_it_was() -> None:
    recorded = Recorded()
    for name, outcomes in CASES.items():
        recorded.record(replace(REQUESTER, request_id=name), outcomes)
    by_token = Identity(Caller(issuer="cluster-a", subject="billing"), claims_left_out=True)
    for identity in (BY_LINK.identity, by_token):
        used = replace(BY_LINK, request_id="a used link", identity=identity)
        recorded.record(used, CASES["a download"])
    by_tool = replace(REQUESTER, request_id="by a tool", origin=BY_TOOL)
    recorded.record(by_tool, CASES["a download"])
    await record_the_others(recorded)
    assert recorded.lines == GOLDEN.read_bytes().splitlines(keepends=True)


async def test_each_answer_counts_what_it_is() -> None:
    recorded = Recorded()
    for outcomes in CASES.values():
        recorded.record(REQUESTER, outcomes)
    assert await recorded.counts() == COUNTS
