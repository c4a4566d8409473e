"""The kinds of `credentials` that a bucket may have, and what is true of each. Pure.

A property of a kind is here. What each kind does in its own way is a `match` with `assert_never`
where it is done: the type checker names each of these places for a new kind.
"""

from dataclasses import dataclass
from typing import Final, Literal, assert_never, get_args

Credentials = Literal["assume_role", "web_identity", "static", "r2"]
CREDENTIALS: Final[tuple[Credentials, ...]] = get_args(Credentials)


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialKind:
    """What is true of a kind. A new one must say all of it.

    - `has_sessions`: sessions sign, which end, and not long-lived keys
    - `has_tokens`: tokens of R2 are its sessions. A URL tells the secret that signed it, a hash of
      the token, so that others of the same key, action and time can be signed
    - `session_seconds`: the shortest and the longest session that a bucket may ask for
    - `role_trusts`: who may assume the bucket's role: the `service`, by keys of its own, or its
      `pods`, by a token file. None if no role of STS signs, whose sessions alone have policies
    - `settings`: those of a bucket that not every kind takes, by name
    """

    has_sessions: bool
    has_tokens: bool
    session_seconds: tuple[int, int] = (10, 43_200)  # of STS
    role_trusts: Literal["service", "pods"] | None
    settings: frozenset[str]


_ASSUME_ROLE: Final = CredentialKind(
    has_sessions=True,
    has_tokens=False,
    role_trusts="service",
    settings=frozenset({"role_arn", "external_id", "session_tags", "source_identity"}),
)
_WEB_IDENTITY: Final = CredentialKind(
    has_sessions=True, has_tokens=False, role_trusts="pods", settings=frozenset({"role_arn"})
)
_STATIC: Final = CredentialKind(
    has_sessions=False,
    has_tokens=False,
    role_trusts=None,
    settings=frozenset({"access_key_id_file", "secret_access_key_file"}),
)
_R2: Final = CredentialKind(
    has_sessions=True,
    has_tokens=True,
    session_seconds=(900, 604_800),  # …/r2/api/s3/temporary-credentials: 7 days at most
    role_trusts=None,
    settings=frozenset({"access_key_id_file", "secret_access_key_file", "account_id"}),
)


def kind_of(credentials: Credentials) -> CredentialKind:
    match credentials:
        case "assume_role":
            return _ASSUME_ROLE
        case "web_identity":
            return _WEB_IDENTITY
        case "static":
            return _STATIC
        case "r2":
            return _R2
        case _:
            assert_never(credentials)


def kinds_with(settings: frozenset[str]) -> list[Credentials]:
    """Return the kinds that take all these settings."""
    return [each for each in CREDENTIALS if kind_of(each).settings >= settings]


OF_SOME_KINDS: Final = frozenset[str]().union(*(kind_of(each).settings for each in CREDENTIALS))
