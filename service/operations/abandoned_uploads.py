"""Uploads that nobody completed or aborted, found and ended with an operator's own credentials.

Their parts are billed and stand in no listing of objects. A lifecycle rule ends them; this is for
stores that ignore the rule.

Rules of this file:
- All of a bucket is read before anything in it is ended: to end uploads shifts the pages to come.
- An upload whose age cannot be read is shown, and never ended.
- Keys and ids are whatever somebody once sent, so none is shown that a terminal would obey.
- What is told of a failure is the store's code, or words of ours.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from service.errors import PresignError, StorageUnavailable
from service.s3.access import StoreAccess
from service.s3.client import Reply, S3Client
from service.s3.errors import NO_SUCH_UPLOAD, S3Error
from service.s3.xml import Markers, OpenUpload, uploads_page
from service.sessions.lifetime import GrantedLifetime, Validity
from service.sessions.session import Session
from service.signing.multipart_actions import AbortMultipartUpload, ListMultipartUploads
from service.signing.signer import Address, Signable, Signer
from service.signing.sigv4 import Credentials
from service.signing.validation import check_segments

MAX_LISTED: Final = 100_000  # of a bucket: some fifty megabytes
MAX_PAGES: Final = 2000  # most of a page may be too young to be listed
WORKERS: Final = 16  # no more than the calls that a bucket may have under way: none is sent away

_UNITS: Final = {"d": 86_400, "h": 3600, "m": 60}
_DURATION = re.compile(r"(\d{1,5})([dhm])", re.ASCII)
_PLAIN = re.compile(r"[\w./:=+@,-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class UploadWithAge:
    """An open upload, and its age in seconds, or None if that cannot be read."""

    upload: OpenUpload
    age: float | None


@dataclass(frozen=True, slots=True)
class Found:
    """`problems` tell why there may be more."""

    uploads: Sequence[UploadWithAge]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepResult:
    """What came of one bucket. `problems` are sentences for the operator."""

    found: int = 0
    ageless: int = 0
    ended: int = 0
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class _AbortCounts:
    ended: int = 0
    refusals: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class BucketSession:
    """A bucket by its name in the configuration, and how to speak to it."""

    bucket: str
    store_access: StoreAccess
    store: S3Client

    async def send(self, action: Signable, key: str = "") -> Reply:
        return await self.store.send(self.store_access, action, bucket=self.bucket, key=key)


def store_accesses(
    addresses: Mapping[str, Address], credentials: Credentials, now: float
) -> dict[str, StoreAccess]:
    """To act at each bucket where the service itself reaches it. One with two names is one bucket."""
    names: dict[Address, str] = {}
    for name, address in addresses.items():
        names.setdefault(address.inner or address, name)
    return {name: _leave(address, credentials, now) for address, name in names.items()}


def _leave(address: Address, credentials: Credentials, now: float) -> StoreAccess:
    signer = Signer(credentials, address)
    return StoreAccess(
        session=Session(credentials=credentials, name="operator", starts_at=now),
        signer=signer,
        internal_signer=signer,
        validity=Validity(int(now), GrantedLifetime(0, None)),  # nothing is given out
    )


async def sweep(
    place: BucketSession, *, older_than: int, abort: bool, now: float, show: Callable[[str], None]
) -> SweepResult:
    """Show each upload that is older than `older_than` seconds, and end them if told to."""
    try:
        found = await find(place, older_than=older_than, now=now)
    except (PresignError, S3Error) as error:
        return SweepResult(problems=(_words(error),))
    for each in found.uploads:
        show(line(place.bucket, each))
    old = [each.upload for each in found.uploads if each.age is not None]
    ended, reasons = await _end(place, old, now) if abort else (0, [])
    return SweepResult(
        found=len(old),
        ageless=len(found.uploads) - len(old),
        ended=ended,
        problems=(*found.problems, *reasons),
    )


async def _end(
    place: BucketSession, old: Sequence[OpenUpload], now: float
) -> tuple[int, list[str]]:
    """How many are gone, by a second look, and what is wrong with the others."""
    _, reasons = await end(place, old)
    try:
        again = await find(place, older_than=0, now=now)
    except (PresignError, S3Error) as error:
        return 0, [*reasons, f"whether they are gone is not known: {_words(error)}"]
    left = {each.upload.upload_id for each in again.uploads} & {each.upload_id for each in old}
    if left and not reasons:
        reasons = [f"{len(left)} are still there, though the store refused nothing"]
    return len(old) - len(left), reasons


async def find(place: BucketSession, *, older_than: int, now: float) -> Found:
    """The uploads that are old enough, or of no known age."""
    found: dict[tuple[str, str], UploadWithAge] = {}
    markers: Markers | None = Markers(None, None)
    begun = set[Markers]()
    while markers is not None:
        if markers in begun or len(begun) == MAX_PAGES:
            problem = "the store's pages do not end; there may be more"
            return Found([*found.values()], (problem,))
        begun.add(markers)
        # Stores differ in which marker they give, and each wants back what it gave, and no other.
        action = ListMultipartUploads(key_marker=markers.key, upload_id_marker=markers.upload_id)
        page = uploads_page((await place.send(action)).body)
        for each in _old(page.uploads, older_than, now):
            if len(found) == MAX_LISTED:
                problem = f"only the first {MAX_LISTED} are listed"
                return Found([*found.values()], (problem,))
            found[each.upload.key, each.upload.upload_id] = each
        markers = page.markers
    return Found([*found.values()])


def _old(uploads: Sequence[OpenUpload], older_than: int, now: float) -> Iterator[UploadWithAge]:
    for upload in uploads:
        age = age_of(upload.initiated, now)
        # 0 is all, those too that a store dates ahead of our clock.
        if age is None or older_than == 0 or age > older_than:
            yield UploadWithAge(upload, age)


async def end(place: BucketSession, uploads: Sequence[OpenUpload]) -> tuple[int, list[str]]:
    """How many are gone now, and why the others are not."""
    queue, ending = iter(uploads), _AbortCounts()
    async with asyncio.TaskGroup() as workers:
        for _ in range(min(WORKERS, len(uploads))):
            workers.create_task(_work(place, queue, ending))
    reasons = [f"{count} not aborted: {words}" for words, count in ending.refusals.most_common()]
    if untried := len(uploads) - ending.ended - ending.refusals.total():
        reasons.append(f"{untried} not tried: the store does not answer")
    return ending.ended, reasons


async def _work(place: BucketSession, queue: Iterator[OpenUpload], ending: _AbortCounts) -> None:
    """Until nothing is left, or no answer comes: from a store that is down each is waited for long."""
    for upload in queue:
        try:
            await _abort(place, upload)
        except (PresignError, S3Error) as error:
            ending.refusals[_words(error)] += 1
            if isinstance(error, StorageUnavailable):
                return
        else:
            ending.ended += 1


async def _abort(place: BucketSession, upload: OpenUpload) -> None:
    """That there is no such upload is no failure here: whether it is there, the second look tells."""
    action = AbortMultipartUpload(upload_id=upload.upload_id)
    for key in {upload.key, upload.encoded_key or upload.key}:
        check_segments(key)  # else another's upload would be ended, or none
        try:
            await place.send(action, key)
        except S3Error as refused:
            if refused.code != NO_SUCH_UPLOAD:
                raise


def _words(error: PresignError | S3Error) -> str:
    if isinstance(error, S3Error):
        return f"the store refuses: {error.code}"
    return error.detail.removesuffix(".")


# What an operator writes and reads; pure, as all that follows.


def parse_duration(text: str) -> int:
    """Seconds of `7d`, `36h` or `90m`. Raises ValueError with words that say what to write."""
    parsed = _DURATION.fullmatch(text)
    if parsed is None:
        raise ValueError("write a whole number of days, hours or minutes, such as 7d, 36h or 90m")
    return int(parsed[1]) * _UNITS[parsed[2]]


def age_of(initiated: str, now: float) -> float | None:
    """Seconds since an RFC 3339 time. One without a zone could be any hour, and is none."""
    try:
        moment = datetime.fromisoformat(initiated)
    except ValueError:
        return None
    return None if moment.tzinfo is None else now - moment.timestamp()


def line(bucket: str, found: UploadWithAge) -> str:
    """Bucket, key, upload id, since when, and age, separated by tabs. No field contains a tab."""
    upload = found.upload
    shown = [_shown(text) for text in (upload.key, upload.upload_id, upload.initiated)]
    return "\t".join([bucket, *shown, _age(found.age)])


def summary(swept: Sequence[SweepResult], *, older_than: int, abort: bool) -> str:
    found, ageless = sum(each.found for each in swept), sum(each.ageless for each in swept)
    what = f"{found} upload{'' if found == 1 else 's'} {_than(older_than)}"
    if ageless:
        what += f", and {ageless} of unknown age, left alone"
    if abort:
        return f"{what}; {sum(each.ended for each in swept)} aborted"
    return f"{what}; give --abort to end them" if found else what


def _shown(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else repr(text)


def _than(older_than: int) -> str:
    if older_than == 0:
        return "of any age"
    unit, size = next((unit, size) for unit, size in _UNITS.items() if older_than % size == 0)
    return f"older than {older_than // size} {unit}"


def _age(seconds: float | None) -> str:
    """In a unit of which there are two at least, so that not much is rounded away."""
    if seconds is None:
        return "unknown age"
    units = ((unit, size) for unit, size in _UNITS.items() if seconds >= 2 * size)
    unit, size = next(units, ("m", 60))
    return f"{max(0, int(seconds // size))} {unit}"
