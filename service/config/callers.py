"""The settings of callers and issuers."""

from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ByteSize,
    Field,
    TypeAdapter,
    model_validator,
)
from pydantic_core import PydanticCustomError

from service.access.conditions import tag_name
from service.access.grants import LONGEST_LINK, WEEK, Conditions, Operation
from service.config.claims import ClaimConditions
from service.config.conditions import (
    MAX_TAGS,
    Network,
    ObjectTagName,
    ObjectTagValue,
    VpcEndpoint,
)
from service.config.durations import Duration
from service.config.messages import Conflict, Missing, refusal
from service.config.quoting import Shown
from service.config.types import (
    Audience,
    BucketName,
    CaFile,
    ContentTypePattern,
    Issuer,
    KeyName,
    KeysUrl,
    Name,
    PastTime,
    Prefix,
    RateLimit,
    Section,
    Sha256,
    Subject,
    Time,
)
from service.signing.cloudfront import MAX_DELIVERY_SECONDS
from service.signing.header_signatures import HEADER_SIGNATURE_SECONDS

# 10,000 parts of 5 GiB: docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
_LARGEST_OBJECT: Final = 10_000 * 5 * 1024**3
_MOST_AUDIENCES: Final = 16


CONDITIONS: Final = tuple(each.name for each in fields(Conditions))
_OF_TAGGED: Final = frozenset(
    {
        *(Operation.DOWNLOAD, Operation.HEAD, Operation.LIST, Operation.VERSIONS),
        *(Operation.LINK, Operation.CREDENTIALS, Operation.SIGN),
    }
)


class OneOfMany(Section):
    def model_post_init(self, _: object) -> None:
        """Share the set of the fields that were set: 26 MiB with 40,000 callers.

        It is a plain set, which `model_copy` copies before it changes it.
        """
        shared = _shared(frozenset(self.__pydantic_fields_set__))
        object.__setattr__(self, "__pydantic_fields_set__", shared)


_shared = lru_cache(maxsize=1024)(set[str])


class GrantSettings(OneOfMany):
    """What a caller may do. [Callers](callers.md#grants) explains it."""

    bucket: Shown[BucketName]
    """Bucket, by its name in this file."""

    prefix: Shown[Prefix]
    """Ends in `/` and covers what is below it, or names one key; `""` is the whole bucket.
    `{claim:/a/b}` is a JSON pointer into the verified token."""

    allow: Annotated[
        Shown[tuple[Operation, ...]],
        Missing("write a list of operations, such as [download, upload]"),
    ] = Field(min_length=1)
    """The operations. `versions` lets the others name an object's version. `link` allows [share
    links](share-links.md) for the others, and `sign` [remote signing](remote-signing.md) of them.
    `credentials` is for [AWS SDKs](credentials.md), `notify` for a store that says [what has
    arrived](arrivals.md)."""

    max_expires_in: Shown[Annotated[int, Duration(1, MAX_DELIVERY_SECONDS)] | None] = None
    """Longest lifetime of a URL. Over `7d` only with `cloudfront`, where a grant with `download`
    has the server's `default_expires_in` by default."""

    max_content_length: Shown[Annotated[ByteSize, Field(le=_LARGEST_OBJECT)] | None] = None
    """Largest object, in bytes or as in `50MiB`: at most 48.8 TiB, S3's limit."""

    content_types: Shown[tuple[ContentTypePattern, ...] | None] = None
    """Types that may be uploaded. A wildcard matches no type that browsers run (SVG, HTML)."""

    max_keys: Shown[Annotated[int, Field(ge=1, le=1000)] | None] = None
    """Most keys in a page of a listing, and the default. `rate_limit` limits the pages."""

    allow_overwrite: Shown[bool] = False
    """Whether an upload may replace an object, if it requests `overwrite`."""

    max_link_expires_in: Shown[Annotated[int, Duration(1, LONGEST_LINK)]] = WEEK
    """Longest lifetime of a share link. Only for `link`."""

    networks: Shown[Annotated[tuple[Network, ...], Field(min_length=1)] | None] = None
    """Networks from which requests under this grant may come, as the store sees them: see
    [conditions](conditions.md). With `vpc_endpoints`, one of the two is enough."""

    vpc_endpoints: Shown[Annotated[tuple[VpcEndpoint, ...], Field(min_length=1)] | None] = None
    """VPC endpoints by which requests under this grant may come. At AWS only."""

    only_if_tagged: Shown[
        Annotated[dict[ObjectTagName, ObjectTagValue], Field(min_length=1, max_length=MAX_TAGS)]
        | None
    ] = None
    """Tags that an object must have to be read, as [a scanner](conditions.md#guardduty) sets them.
    All must hold. Nobody may upload with a tag of these names."""

    @model_validator(mode="after")
    def _conditions_can_be_kept(self) -> Self:
        for name in CONDITIONS:
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{name} has no value; write one, or remove the line")
        if self.only_if_tagged is None:
            return self
        if kept_from := [each for each in self.allow if each not in _OF_TAGGED]:
            text = (
                f"does not go with {' and '.join(kept_from)}: an upload has no tag yet, and a "
                "check would fail until it has; write another grant for that"
            )
            raise refusal([Conflict(("only_if_tagged",), text)])
        if len({*map(tag_name, self.only_if_tagged)}) < len(self.only_if_tagged):
            text = "has one name in two spellings, which IAM takes as one; leave out one of them"
            raise refusal([Conflict(("only_if_tagged",), text)])
        return self

    @property
    def conditions(self) -> tuple[str, ...]:
        """The names of the conditions that it has."""
        return tuple(name for name in CONDITIONS if getattr(self, name) is not None)

    @model_validator(mode="after")
    def _limits_can_be_kept(self) -> Self:
        if Operation.SIGN not in self.allow:
            return self
        if (self.max_expires_in or HEADER_SIGNATURE_SECONDS) < HEADER_SIGNATURE_SECONDS:
            raise ValueError(
                f"a signature in headers is valid for {HEADER_SIGNATURE_SECONDS} s; "
                "with sign, max_expires_in must not be less"
            )
        if self.max_content_length is not None and Operation.MULTIPART in self.allow:
            raise ValueError(
                "parts are signed one by one and nobody adds them up; with sign and multipart, "
                "leave out max_content_length"
            )
        return self


def _without_set(grants: Any) -> Any:
    """Refuse a name that `Settings` did not replace by the grants of its set."""
    if isinstance(grants, str):
        raise PydanticCustomError("grant_set", "no set of grants has this name")
    return grants


Grants = Annotated[
    tuple[GrantSettings, ...],
    BeforeValidator(_without_set, json_schema_input_type=tuple[GrantSettings, ...] | Name),
]


_AUDIENCE: Final = TypeAdapter[str](Audience)


def _listed(audience: Any) -> Any:
    """Take one audience as a list of one. Its errors have no place in a list."""
    is_list = isinstance(audience, list | tuple)
    return audience if is_list else (_AUDIENCE.validate_python(audience),)


def _check_distinct(audiences: tuple[str, ...]) -> tuple[str, ...]:
    if len({*audiences}) < len(audiences):
        raise ValueError("has one audience twice; leave one out")
    return audiences


_AudienceList = Annotated[tuple[Audience, ...], Field(min_length=1, max_length=_MOST_AUDIENCES)]
Audiences = Annotated[
    _AudienceList,
    BeforeValidator(_listed, json_schema_input_type=Audience | _AudienceList),
    AfterValidator(_check_distinct),
]


class IssuerSettings(Section):
    """An issuer of callers' tokens, and where its keys are."""

    issuer: Annotated[Shown[Issuer], Missing("write the `iss` of the tokens")]
    """Exact `iss` of its tokens."""

    audience: Annotated[Shown[Audiences], Missing("write the `aud` of the tokens")]
    """`aud` of its tokens, or one of several. A list accepts any of its audiences, such as
    programs' and [the console](console.md)'s."""

    jwks_url: Annotated[Shown[KeysUrl], Missing("write the URL of the issuer's keys")]
    """Where its keys are: https, or http on loopback. Redirects are not followed."""

    ca_file: Shown[CaFile | None] = None
    """Trusted for `jwks_url` instead of the usual authorities."""

    bearer_file: Path | None = None
    """File with a token to send to `jwks_url`, read at each fetch."""

    max_lifetime_seconds: Shown[Annotated[int, Duration(60, 604_800)]] = 86_400
    """Longest accepted lifetime of a token, from `iat` to `exp`."""


_OF_TOKENS: Final = (["issuer", "subject"], ["issuer", "claims"], ["issuer", "subject", "claims"])


def _missing(given: list[str]) -> str:
    """Name what a caller with these settings lacks."""
    match given:
        case ["api_key"]:
            return "sha256 is missing; "
        case ["sha256"]:
            return "api_key is missing; "
        case ["issuer"]:
            return "subject or claims is missing; "
        case ["subject"] | ["claims"] | ["subject", "claims"]:
            return "issuer is missing; "
    return ""


class CallerSettings(OneOfMany):
    """An API key (`api_key` and `sha256`), or callers of an issuer (`issuer`, and `subject`,
    `claims` or both).
    """

    api_key: KeyName | None = None
    """Key's name, which the audit trail shows."""

    sha256: Annotated[tuple[Sha256, ...], Field(min_length=1, max_length=2)] | None = None
    """Key's digest; those of the old and the new key during a rotation."""

    issuer: Shown[Name | None] = None
    """Name of its tokens' issuer."""

    subject: Shown[Subject | None] = None
    """`sub` of its tokens. `*` matches any text without `:`."""

    claims: Shown[ClaimConditions | None] = None
    """[Conditions](people.md#conditions) by JSON pointer (RFC 6901), such as `{/groups: finance}`.
    All must hold. Without `subject`, all subjects match."""

    grants: Grants = ()
    """What the caller may do, or the name of one of `grant_sets`. Without grants, nothing."""

    rate_limit: Shown[RateLimit | None] = None
    """URLs in a period. A batch counts each of its URLs; a call to the store, and each event that a
    store pushes, counts as one. More get 429 `rate_limited`."""

    not_after: Time | None = None
    """End of the API key, which gets 401 then. URLs and share links that it got keep their own
    lifetime."""

    revoked_before: Shown[PastTime | None] = None
    """Caller's sessions that began earlier are dropped in every replica: see [a URL
    leaked](runbooks.md#a-url-leaked)."""

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        names = ("api_key", "sha256", "issuer", "subject", "claims")
        given = [name for name in names if getattr(self, name) is not None]
        if given != ["api_key", "sha256"] and given not in _OF_TOKENS:
            text = "write api_key and sha256, or issuer and subject, claims or both"
            raise ValueError(f"{_missing(given)}{text}")
        if empty := {"subject", "claims"} & self.model_fields_set - {*given}:
            raise ValueError(f"{empty.pop()} has no value; write one, or remove the line")
        if self.not_after is not None and self.api_key is None:
            raise ValueError("not_after is for an API key; a token has its own end")
        return self


class AnonymousSettings(Section):
    """Every request without `Authorization`. For demos and tests only."""

    grants: Grants = ()
    """As those of a caller."""
