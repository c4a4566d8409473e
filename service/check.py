"""What a configuration means, in words: `presign check` prints it."""

from collections.abc import Iterator, Mapping

from service.access.api_keys import digest_of
from service.access.grants import Operation
from service.settings import BucketSettings, GrantSettings, Settings
from service.signing.signer import Address

_HOUR = 3600
# What examples use and people leave standing; the demo's own among them
_GUESSABLE = {digest_of(word) for word in ("demo", "test", "secret", "password", "changeme")}


def describe(settings: Settings, addresses: Mapping[str, Address]) -> Iterator[str]:
    """A line for each bucket, and what each caller may do."""
    for name, bucket in settings.buckets.items():
        yield f"bucket {name}: {_where(addresses[name])}, signed by {_who(bucket)}"
    for caller in settings.callers:
        yield from _caller(f"API key {caller.api_key}", caller.grants)
    if settings.unsafe_anonymous_caller is not None:
        yield from _caller("ANYBODY (unsafe)", settings.unsafe_anonymous_caller.grants)


def warnings(settings: Settings) -> Iterator[str]:
    """What an operator had better mean."""
    if settings.unsafe_anonymous_caller is not None:
        yield "unsafe_anonymous_caller: everybody who reaches the service has its grants"
    for caller in settings.callers:
        if not _GUESSABLE.isdisjoint(caller.sha256):
            yield f"API key {caller.api_key}: anybody can guess it; make one with `presign new-key`"
    for place, grant in settings.placed_grants():
        if not grant.prefix:
            yield f"{place}: covers the whole bucket {grant.bucket}"
        if grant.allow_overwrite:
            yield f"{place}: lets objects be overwritten"
        if (grant.max_expires_in or _HOUR + 1) > _HOUR:
            yield f"{place}: allows lifetimes over an hour; set max_expires_in"


def _where(address: Address) -> str:
    return f"{address.origin}{address.path_prefix} in {address.region}"


def _who(bucket: BucketSettings) -> str:
    if bucket.credentials == "static":
        return "static keys of the AWS default chain"
    return f"{bucket.role_arn}, for {bucket.session_seconds} s at a time"


def _caller(name: str, grants: tuple[GrantSettings, ...]) -> Iterator[str]:
    if not grants:
        yield f"{name} may do nothing"
    for grant in grants:
        yield f"{name} may {_operations(grant)} {_what(grant)}{_limits(grant)}"


def _operations(grant: GrantSettings) -> str:
    return ", ".join(operation for operation in Operation if operation in grant.allow)


def _what(grant: GrantSettings) -> str:
    if not grant.prefix:
        return f"everything in {grant.bucket}"
    covered = f"{grant.prefix}…" if grant.prefix.endswith("/") else grant.prefix
    return f"{covered} in {grant.bucket}"


def _limits(grant: GrantSettings) -> str:
    limits = [
        f"for at most {grant.max_expires_in} s" if grant.max_expires_in else "",
        f"at most {grant.max_content_length} bytes" if grant.max_content_length else "",
        f"only {', '.join(grant.content_types)}" if grant.content_types is not None else "",
        f"at most {grant.max_keys} keys a page" if grant.max_keys else "",
        "overwriting too" if grant.allow_overwrite else "",
    ]
    said = [limit for limit in limits if limit]
    return f", {', '.join(said)}" if said else ""
