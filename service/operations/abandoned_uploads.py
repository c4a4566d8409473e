"""Find uploads that nobody completed or aborted, and abort them with an operator's credentials.

Their parts cost money, and no listing of objects shows them. A lifecycle rule aborts them; this is
for stores that ignore the rule.

Rules of this file:
- All of a bucket is listed before any upload is aborted: aborting shifts the pages that follow.
- An upload whose age cannot be read is shown, but never aborted.
- Clients choose keys and ids, so none is printed with characters that control a terminal.
- An error is reported by the store's code or a message of ours, never by the store's message.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from service.config.durations import UNITS, duration_text
from service.errors import PresignError, StorageUnavailable
from service.s3.access import StoreAccess
from service.s3.client import Reply, S3Client
from service.s3.errors import NO_SUCH_UPLOAD, S3Error
from service.s3.listing_xml import Markers, OpenUpload, uploads_page
from service.sessions.lifetime import GrantedLifetime, Validity
from service.sessions.session import Session
from service.signing.multipart_actions import AbortMultipartUpload, ListMultipartUploads
from service.signing.signer import Address, Signable, Signer
from service.signing.sigv4 import Credentials
from service.signing.validation import check_segments

MAX_LISTED: Final = 100_000  # of one bucket: some 50 MB of memory
MAX_PAGES: Final = 2000  # more than MAX_LISTED needs: many uploads of a page may be too young
WORKERS: Final = 16  # S3Client allows this many calls to a bucket at once, and refuses more

_PLAIN = re.compile(r"[\w./:=+@,-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class UploadWithAge:
    """An open upload, and its age in seconds, or None if that cannot be read."""

    upload: OpenUpload
    age: float | None


@dataclass(frozen=True, slots=True)
class Listing:
    """`problem` says why there may be more uploads."""

    uploads: Sequence[UploadWithAge]
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepResult:
    """The counts for one bucket. `problems` are sentences for the operator."""

    found: int = 0
    ageless: int = 0
    aborted: int = 0
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BucketClient:
    """Sends requests to one bucket. `bucket` is its name in the configuration."""

    bucket: str
    store_access: StoreAccess
    store: S3Client

    async def send(self, action: Signable, key: str = "") -> Reply:
        return await self.store.send(self.store_access, action, bucket=self.bucket, key=key)


def store_accesses(
    addresses: Mapping[str, Address], credentials: Credentials, now: float
) -> dict[str, StoreAccess]:
    """Return an access to each bucket at its internal address.

    Duplicates of a bucket are merged.
    """
    names: dict[Address, str] = {}
    for name, address in addresses.items():
        names.setdefault(address.inner or address, name)
    session = Session(credentials=credentials, name="operator", starts_at=now)
    validity = Validity(int(now), GrantedLifetime(0, None))  # nobody gets a URL
    accesses = {}
    for address, name in names.items():
        signer = Signer(credentials, address)
        accesses[name] = StoreAccess(
            session=session, signer=signer, internal_signer=signer, validity=validity
        )
    return accesses


async def sweep(
    bucket: BucketClient,
    *,
    older_than: int,
    abort: bool,
    now: float,
    show: Callable[[str, UploadWithAge], None],
) -> SweepResult:
    """Pass to `show`, with the bucket's name, the uploads that are older than `older_than` seconds.

    Abort them if `abort`.
    """
    try:
        listing = await list_uploads(bucket, older_than=older_than, now=now)
    except (PresignError, S3Error) as error:
        return SweepResult(problems=(_message(error),))
    for each in listing.uploads:
        show(bucket.bucket, each)
    old = [each.upload for each in listing.uploads if each.age is not None]
    aborted, problems = await _abort_and_verify(bucket, old, now) if abort else (0, [])
    return SweepResult(
        found=len(old),
        ageless=len(listing.uploads) - len(old),
        aborted=aborted,
        problems=(*filter(None, [listing.problem]), *problems),
    )


async def _abort_and_verify(
    bucket: BucketClient, uploads: Sequence[OpenUpload], now: float
) -> tuple[int, list[str]]:
    """Return how many uploads a second listing no longer has, and what went wrong."""
    problems = await abort_uploads(bucket, uploads)
    try:
        listing = await list_uploads(bucket, older_than=0, now=now)
    except (PresignError, S3Error) as error:
        return 0, [*problems, f"cannot tell whether the uploads are gone: {_message(error)}"]
    remaining = {each.upload.upload_id for each in listing.uploads}
    left = sum(upload.upload_id in remaining for upload in uploads)
    if left and not problems:
        problems = [f"{left} are still there, although the store reported no error"]
    return len(uploads) - left, problems


async def list_uploads(bucket: BucketClient, *, older_than: int, now: float) -> Listing:
    """Return the uploads that are older than `older_than` seconds, or of unknown age.

    Raises S3Error and PresignError.
    """
    found: dict[tuple[str, str], UploadWithAge] = {}
    markers: Markers | None = Markers(None, None)
    seen = set[Markers]()
    while markers is not None:
        if markers in seen or len(seen) == MAX_PAGES:
            return Listing([*found.values()], "the store's pages do not end; there may be more")
        seen.add(markers)
        # Stores differ in the markers that they return. Send back exactly those.
        action = ListMultipartUploads(key_marker=markers.key, upload_id_marker=markers.upload_id)
        page = uploads_page((await bucket.send(action)).body)
        for upload in page.uploads:
            age = age_of(upload.initiated, now)
            # 0 means all, including those that the store's clock dates in the future.
            if age is not None and older_than != 0 and age <= older_than:
                continue
            if len(found) == MAX_LISTED:
                return Listing([*found.values()], f"only the first {MAX_LISTED} are listed")
            found[upload.key, upload.upload_id] = UploadWithAge(upload, age)
        markers = page.markers
    return Listing([*found.values()])


async def abort_uploads(bucket: BucketClient, uploads: Sequence[OpenUpload]) -> list[str]:
    """Abort `uploads`. Return what went wrong, with how often."""
    queue, errors = iter(uploads), Counter[str]()
    async with asyncio.TaskGroup() as workers:
        for _ in range(min(WORKERS, len(uploads))):
            workers.create_task(_work(bucket, queue, errors))
    problems = [f"{count} not aborted: {error}" for error, count in errors.most_common()]
    if untried := len(list(queue)):
        problems.append(f"{untried} not tried: the store does not answer")
    return problems


async def _work(bucket: BucketClient, queue: Iterator[OpenUpload], errors: Counter[str]) -> None:
    """Abort uploads until the queue is empty, or the store does not answer: each wait is long."""
    for upload in queue:
        try:
            await _abort(bucket, upload)
        except (PresignError, S3Error) as error:
            errors[_message(error)] += 1
            if isinstance(error, StorageUnavailable):
                return


async def _abort(bucket: BucketClient, upload: OpenUpload) -> None:
    """Abort one upload. NoSuchUpload is no error here: the second listing shows what is left."""
    action = AbortMultipartUpload(upload_id=upload.upload_id)
    for key in {upload.key, upload.encoded_key or upload.key}:
        check_segments(key)  # a rewritten key would name another upload, or none
        try:
            await bucket.send(action, key)
        except S3Error as error:
            if error.code != NO_SUCH_UPLOAD:
                raise


def _message(error: PresignError | S3Error) -> str:
    if isinstance(error, S3Error):
        return f"the store refused: {error.code}"
    return error.detail.removesuffix(".")


# Reading options and formatting output. Pure.


def age_of(initiated: str, now: float) -> float | None:
    """Return the seconds since an RFC 3339 time; None if it is invalid or has no time zone."""
    try:
        moment = datetime.fromisoformat(initiated)
    except ValueError:
        return None
    return None if moment.tzinfo is None else now - moment.timestamp()


def line(bucket: str, found: UploadWithAge) -> str:
    """Return bucket, key, upload id, start and age, separated by tabs. No field contains a tab."""
    upload = found.upload
    fields = (upload.key, upload.upload_id, upload.initiated)
    shown = [text if _PLAIN.fullmatch(text) else repr(text) for text in fields]
    return "\t".join([bucket, *shown, _age(found.age)])


def document(
    found: Iterable[tuple[str, UploadWithAge]], results: Mapping[str, SweepResult]
) -> dict[str, Any]:
    """Return what `--json` prints. `found` is by the bucket's name, as `sweep` shows it."""
    uploads = [
        {
            "bucket": bucket,
            "key": each.upload.key,
            "upload_id": each.upload.upload_id,
            "initiated": each.upload.initiated,
            "age_seconds": None if each.age is None else int(each.age),
        }
        for bucket, each in found
    ]
    buckets = {
        name: {"aborted": each.aborted, "problems": [*each.problems]}
        for name, each in results.items()
    }
    return {"uploads": uploads, "buckets": buckets}


def summary(results: Sequence[SweepResult], *, older_than: int, abort: bool) -> str:
    found, ageless = sum(each.found for each in results), sum(each.ageless for each in results)
    text = f"{found} upload{'' if found == 1 else 's'} {_older_than(older_than)}"
    if ageless:
        text += f", and {ageless} of unknown age, left alone"
    if abort:
        return f"{text}; {sum(each.aborted for each in results)} aborted"
    return f"{text}; use --abort to abort them" if found else text


def _older_than(seconds: int) -> str:
    if seconds == 0:
        return "of any age"
    return f"older than {duration_text(seconds)}"


def _age(seconds: float | None) -> str:
    """Round down, in a unit that fits at least twice, so that little is lost."""
    if seconds is None:
        return "unknown age"
    units = ((unit, size) for unit, size in UNITS.items() if seconds >= 2 * size)
    unit, size = next(units, ("s", 1))
    return f"{max(0, int(seconds // size))} {unit}"
