"""What `presign check` says about the conditions of grants: what is risky or has no effect."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Final

from service.access.create_only import UPLOADS
from service.access.grants import Operation
from service.app.settings import Settings
from service.config.callers import GrantSettings
from service.errors import ConfigurationProblem, Location

# RFC 1918, 4193, 6598, 3927, 4291 and 1122: addresses that no request to AWS has.
_PRIVATE: Final = [
    *map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")),
    *map(ip_network, ("127.0.0.0/8", "169.254.0.0/16", "fc00::/7", "fe80::/10", "::1/128")),
]
# Of these the service calls the store itself: also for a link's page.
_OWN_CALLS: Final = frozenset(
    {Operation.LIST, Operation.CHECK, Operation.MULTIPART, Operation.LINK}
)
_UNSENT: Final = frozenset({Operation.NOTIFY})
_SETS_TAGS: Final = (
    "some grants read only what is tagged, and a store that acts on unsigned headers lets the "
    "holder of an upload URL set the tag: see docs/conditions.md"
)


def warnings(settings: Settings) -> Iterator[ConfigurationProblem]:
    is_read_by = any(grant.only_if_tagged for grant in settings.distinct_grants)
    for at, grant in settings.located_grants():
        bucket = settings.buckets[grant.bucket]
        if is_read_by and not bucket.is_at_aws and not UPLOADS.isdisjoint(grant.allow):
            yield ConfigurationProblem(_SETS_TAGS, at, grave=True)
        if grant.conditions:
            yield from _of_places(at, grant, is_at_aws=bucket.is_at_aws)


def _of_places(
    at: Location, grant: GrantSettings, *, is_at_aws: bool
) -> Iterator[ConfigurationProblem]:
    """Yield what is wrong with `networks` and `vpc_endpoints`."""
    places = [name for name in grant.conditions if name != "only_if_tagged"]
    if private := [each for each in grant.networks or () if is_at_aws and _is_private(each)]:
        text = (
            f"AWS sees public addresses only, and no request from {' or '.join(private)}; write "
            "the address of the NAT gateway, or vpc_endpoints"
        )
        yield ConfigurationProblem(text, (*at, "networks"))
    if not places:
        return
    if _UNSENT.issuperset(grant.allow):
        yield ConfigurationProblem("has no effect, since nothing is signed", (*at, places[0]))
    if called := [each for each in grant.allow if each in _OWN_CALLS]:
        text = (
            f"the service itself sends requests for {' and '.join(called)}, so its own address "
            "must be among these"
        )
        yield ConfigurationProblem(text, (*at, places[0]))


def _is_private(network: str) -> bool:
    first, last = ip_network(network)[0], ip_network(network)[-1]
    return any(first in each and last in each for each in _PRIVATE)
