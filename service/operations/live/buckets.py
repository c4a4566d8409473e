"""Looks at one bucket of a configuration: its session, its requests and its settings."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.access.r2_rights import no_rights, reading_rights
from service.access.session_policy import deny_all
from service.clock import Clock
from service.operations.live.bucket_settings import SettingsReader, check_settings
from service.operations.live.dependencies import open_session
from service.operations.live.forms import check_form, form_grant, form_policy
from service.operations.live.requests import check_public_address, check_requests
from service.operations.live.results import Result
from service.operations.setup.signing import SignedBucket
from service.s3.access import StoreAccess
from service.s3.client import S3Client
from service.sessions.lifetime import GrantedLifetime, Validity
from service.sessions.session import Session
from service.sessions.source import SessionRefused, SessionSource
from service.sessions.static_keys import static_session
from service.signing.signer import Address
from service.signing.sigv4 import Credentials


@dataclass(frozen=True, slots=True)
class BucketResults:
    """`clock_ahead` is by how many seconds this machine's clock is ahead; None if it is unknown."""

    results: Sequence[Result]
    clock_ahead: float | None = None


async def check_session(
    bucket: SignedBucket, source: SessionSource
) -> tuple[Session | None, list[Result]]:
    """Return a session with all that the bucket's role may do, and what was found.

    A token of R2 may only read.
    """
    if bucket.kind.has_tokens:
        return await open_session(source, ("buckets", bucket.name), no_rights(), reading_rights())
    probe_policy = deny_all(bucket.arns) if bucket.is_scoped else None
    return await open_session(source, ("buckets", bucket.name), probe_policy)


async def check_bucket(
    bucket: SignedBucket,
    address: Address,
    session: Session,
    *,
    store: S3Client,
    reader: SettingsReader,
    key: str,
    clock: Clock,
) -> BucketResults:
    """Send signed requests for `key`, which no object may have, and read the bucket's settings."""
    access = _access(address, session, clock)
    requests = check_requests(store, access, [*bucket.grants], name=bucket.name, key=key)
    results = await requests
    if address.internal is not None and results[0].kind == "works":
        results.append(await check_public_address(store, access, name=bucket.name, key=key))
    if bucket.is_access_point:
        text = "the settings of the bucket behind the access point were not read"
        results.append(Result("warning", ("buckets", bucket.name), text))
    else:
        results += await check_settings(reader, bucket)
    server_time = reader.server_time
    if session.server_time_at_boot is not None:
        server_time = session.now(clock)
    ahead = None if server_time is None else clock.wall() - server_time
    return BucketResults(results, ahead)


async def check_forms(
    bucket: SignedBucket,
    address: Address,
    session: Session,
    source: SessionSource,
    *,
    store: S3Client,
    own: Sequence[Credentials],
    name: str,
    clock: Clock,
) -> list[Result]:
    """Upload an object called `name` with a form, in a session as `source` gives it to callers.

    `session` and `own`, the operator's own credentials, look for it and delete it.
    """
    if (grant := form_grant(bucket, name)) is None:
        return []
    sender = session
    if (policy := form_policy(bucket, grant)) is not None:
        try:
            sender = await source.fetch(None, policy)
        except SessionRefused as error:
            return [Result("error", ("buckets", bucket.name), f"no session for a form: {error}")]
    sessions = [session, *(static_session(each, clock) for each in own)]
    readers = [_access(address, each, clock) for each in sessions]
    sends = _access(address, sender, clock)
    return await check_form(store, sends, readers, bucket=bucket, key=grant.prefix)


def _access(address: Address, session: Session, clock: Clock) -> StoreAccess:
    return StoreAccess(
        session=session,
        signer=session.signer(address),
        internal_signer=session.signer(address.internal or address),
        validity=Validity(int(session.now(clock)), GrantedLifetime(0, None)),  # nobody gets a URL
    )
