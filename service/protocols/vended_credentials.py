"""A request for credentials, its answer, and the policy of the credentials. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar, Final

from service.access.bucket_arns import BucketArns
from service.access.grants import Grant, Operation
from service.access.narrowing import Permission, vended_grants
from service.access.r2_rights import vended_rights
from service.access.vended_policy import vended_policy
from service.presigning.answers import Members, Signed
from service.sessions import signature_age
from service.sessions.lifetime import Lifetime, Validity
from service.sessions.session import Session

# S3 accepts a request with a signature in its headers for 15 minutes:
# docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html
_HEADER_SIGNATURE: Final = 900  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialsRequest:
    """Credentials for a program. An empty `prefix` is all that the caller's grants cover.

    `route` is in the audit line, for doors other than `/v1/credentials`.
    """

    operation: ClassVar = Operation.CREDENTIALS

    bucket: str
    prefix: str = ""
    permission: Permission = Permission.READWRITE
    lifetime: Lifetime = field(default_factory=Lifetime)
    route: str | None = None

    def members(self) -> Members:
        route = () if self.route is None else (("route", self.route),)
        return (("action", "VendCredentials"), ("permission", self.permission), *route)


@dataclass(frozen=True, slots=True)
class VendedCredentials(Signed):
    """A session whose credentials a program gets, and what it has left."""

    session: Session = field(repr=False)
    validity: Validity

    @property
    def signed_by(self) -> Session:
        return self.session


def policy_for(
    grants: Iterable[Grant], request: CredentialsRequest, arns: BucketArns | None
) -> str | None:
    """Return the policy of a caller's credentials, or None if nothing of it is granted.

    Without `arns` it is what a token of R2 may do. It may be longer than STS accepts. Raises
    InvalidRequest for a prefix that no policy, or for grants that no token can have.
    """
    vended = vended_grants(grants, request.bucket, request.prefix, request.permission)
    if not vended:
        return None
    if arns is None:
        return vended_rights(vended)
    max_age = signature_age.max_age(vended, at_least=_HEADER_SIGNATURE)
    return vended_policy(vended, arns, max_age=max_age)
