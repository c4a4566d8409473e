"""Grants with conditions, and what they mean to AWS, independently of the compiler under test."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from typing import Final

from hypothesis import strategies as st

from service.access.create_only import UPLOADS
from service.access.grants import Conditions, Grant, Operation
from service.access.narrowing import Permission
from tests.access.policy_meaning import below
from tests.iam.granting import Meaning, grants_with_limits, of_copies, of_credentials, of_session
from tests.iam.s3_requests import BUCKET_ARN, OF_A_SESSION
from tests.iam.signed import AT_AWS
from tests.iam.simulator import Context, IamRequest

NETWORKS: Final = ("2001:db8::/32", "203.0.113.0/24")
ENDPOINT: Final = "vpce-0123456789abcdef0"
SCAN: Final = ("Scan", "ok")
TAGS_READ_BY: Final = ("Scan", "Second name")
_PLACES: Final = (
    None,
    Conditions(networks=NETWORKS),
    Conditions(networks=("198.51.100.0/24",)),
    Conditions(vpc_endpoints=(ENDPOINT,)),
    Conditions(networks=NETWORKS, vpc_endpoints=(ENDPOINT,)),
)
_TAGGED: Final = (
    Conditions(only_if_tagged=(SCAN,)),
    Conditions(only_if_tagged=(SCAN, ("Second name", "ok"))),
    Conditions(networks=NETWORKS, vpc_endpoints=(ENDPOINT,), only_if_tagged=(SCAN,)),
)
_READS: Final = frozenset(
    {
        *(Operation.DOWNLOAD, Operation.HEAD, Operation.LIST, Operation.VERSIONS),
        *(Operation.LINK, Operation.CREDENTIALS, Operation.SIGN),
    }
)
assert AT_AWS.arns is not None
ARNS: Final = replace(AT_AWS.arns, tags_read_by=TAGS_READ_BY)
BUCKET: Final = replace(AT_AWS, arns=ARNS)


@st.composite
def grants_with_conditions(draw: st.DrawFn) -> list[Grant]:
    """With several that cover the same keys."""
    made = list[Grant]()
    for grant in draw(grants_with_limits):
        for each in draw(st.lists(st.sampled_from(_PLACES + _TAGGED), min_size=1, max_size=2)):
            tagged = each is not None and each.only_if_tagged
            allow = grant.allow & _READS if tagged else grant.allow
            made.append(replace(grant, allow=allow, conditions=each))
    return made


# Where a request comes from: by a VPC endpoint it has no address.
FROM: Final[tuple[Context, ...]] = (
    {"aws:SourceIp": "203.0.113.7"},
    {"aws:SourceIp": "2001:db8:1::7"},
    {"aws:SourceIp": "198.51.100.7"},
    {"aws:SourceIp": "192.0.2.7"},
    {"aws:SourceVpce": ENDPOINT},
    {"aws:SourceVpce": "vpce-0123456789abcdef1"},
)
TAGS: Final[tuple[Context, ...]] = (
    {},
    {"s3:ExistingObjectTag/Scan": "ok"},
    {"s3:ExistingObjectTag/scan": "ok"},
    {"s3:ExistingObjectTag/Scan": "no"},
    {"s3:ExistingObjectTag/Scan": "ok", "s3:ExistingObjectTag/Second name": "ok"},
    {"s3:ExistingObjectTag/Scan": "no", "s3:ExistingObjectTag/Second name": "ok"},
    {"s3:ExistingObjectTag/other": "ok"},
)
_READ_ACTIONS: Final = ("s3:GetObject", "s3:GetObjectVersion")


def sent(requests: Iterable[IamRequest], place: Context, tags: Context) -> Iterator[IamRequest]:
    """Yield the requests from a place, for objects with these tags."""
    for request in requests:
        own = {name: value for name, value in request.context.items() if name != "aws:SourceIp"}
        of_object = tags if request.action in _READ_ACTIONS else {}
        is_of_kms = request.action.startswith("kms:")
        yield request if is_of_kms else replace(request, context={**own, **place, **of_object})


def uploads_with_tags(key: str) -> Iterator[IamRequest]:
    create_only = {"s3:ObjectCreationOperation": "true", "s3:if-none-match": "*"}
    for name in (*TAGS_READ_BY, "other", "scan"):
        context = {**OF_A_SESSION, **create_only, f"s3:RequestObjectTag/{name}": "ok"}
        yield IamRequest(action="s3:PutObject", resource=f"{BUCKET_ARN}/{key}", context=context)


def holds(conditions: Conditions | None, request: IamRequest) -> bool:
    """Whether the conditions of a grant hold for a request. KMS is asked by S3."""
    if conditions is None or request.action.startswith("kms:"):
        return True
    context = {name.lower(): value for name, value in request.context.items()}
    address, endpoint = context.get("aws:sourceip"), context.get("aws:sourcevpce")
    if conditions.networks or conditions.vpc_endpoints:
        is_near = address is not None and any(
            ip_address(str(address)) in ip_network(each) for each in conditions.networks
        )
        if not is_near and endpoint not in conditions.vpc_endpoints:
            return False
    if request.action not in _READ_ACTIONS:
        return True
    return all(
        context.get(f"s3:existingobjecttag/{name}".lower()) == value
        for name, value in conditions.only_if_tagged
    )


def sets_a_tag(request: IamRequest) -> bool:
    """Whether it uploads with a tag that some grant reads by."""
    names = {name.lower() for name in request.context}
    return any(f"s3:requestobjecttag/{name}".lower() in names for name in TAGS_READ_BY)


@dataclass(frozen=True)
class SessionMeaning:
    """What the session of the grants with `conditions` may do."""

    conditions: Conditions | None
    meaning: Meaning

    def allows(self, request: IamRequest) -> bool:
        is_allowed = holds(self.conditions, request) and self.meaning.allows(request)
        return is_allowed and not sets_a_tag(request)


def of_each_session(granted: list[Grant]) -> Iterator[SessionMeaning]:
    for conditions in {grant.conditions for grant in granted}:
        own = [grant for grant in granted if grant.conditions == conditions]
        yield SessionMeaning(conditions, of_session(own))


@dataclass(frozen=True)
class CopyMeaning:
    """What the session may do that copies under the conditions of two grants."""

    target: Conditions | None
    source: Conditions | None
    meaning: Meaning

    def allows(self, request: IamRequest) -> bool:
        is_write = request.action.startswith("s3:Put")
        return holds(self.target if is_write else self.source, request) and self.meaning.allows(
            request
        )


def of_each_copy(granted: list[Grant]) -> Iterator[CopyMeaning]:
    """What is read by a tag is no source, and no upload has such a condition."""
    untagged = {g.conditions for g in granted if not (g.conditions and g.conditions.only_if_tagged)}
    for target in untagged:
        for source in untagged:
            reading = [
                replace(grant, allow=grant.allow & {Operation.DOWNLOAD, Operation.VERSIONS})
                for grant in granted
                if grant.conditions == source
            ]
            writing = [
                replace(grant, allow=grant.allow - {Operation.DOWNLOAD, Operation.VERSIONS})
                for grant in granted
                if grant.conditions == target
            ]
            if (meaning := of_copies([*reading, *writing])) is not None:
                yield CopyMeaning(target, source, meaning)


@dataclass(frozen=True)
class ProgramMeaning:
    """What a program's credentials may do: each grant under its own conditions."""

    whole: Meaning
    parts: tuple[SessionMeaning, ...]

    def allows(self, request: IamRequest) -> bool:
        if not any(part.allows(request) for part in self.parts):
            return False
        replaces = "s3:if-none-match" not in request.context and (
            request.context.get("s3:ObjectCreationOperation") == "true"
        )
        _, _, key = request.resource.partition("/")
        return request.action != "s3:PutObject" or not replaces or self._may_replace(key)

    def _may_replace(self, key: str) -> bool:
        uploading = [grant for grant in self.whole.grants if UPLOADS & grant.allow]
        return any(
            grant.allow_overwrite
            and below(grant.prefix, key)
            and not any(
                not other.allow_overwrite
                and other.conditions != grant.conditions
                and (below(grant.prefix, other.prefix) or below(other.prefix, grant.prefix))
                for other in uploading
            )
            for grant in uploading
        )


def of_program(granted: list[Grant]) -> ProgramMeaning:
    whole = of_credentials(granted, "", Permission.READWRITE)
    parts = [
        SessionMeaning(
            conditions,
            replace(
                of_credentials(
                    [
                        replace(g, allow_overwrite=True)
                        for g in granted
                        if g.conditions == conditions
                    ],
                    "",
                    Permission.READWRITE,
                ),
                max_age=whole.max_age,
            ),
        )
        for conditions in {grant.conditions for grant in granted}
    ]
    return ProgramMeaning(whole, tuple(parts))
