"""A request for credentials, and its answer. Pure."""

from dataclasses import dataclass, field
from typing import ClassVar

from service.access.grants import Operation
from service.access.narrowing import Permission
from service.presigning.answers import Members, Signed
from service.sessions.lifetime import Lifetime, Validity
from service.sessions.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialsRequest:
    """Credentials for a program. An empty `prefix` is all that the caller's grants cover."""

    operation: ClassVar = Operation.CREDENTIALS

    bucket: str
    prefix: str = ""
    permission: Permission = Permission.READWRITE
    lifetime: Lifetime = field(default_factory=Lifetime)

    def members(self) -> Members:
        return (("action", "VendCredentials"), ("permission", self.permission))


@dataclass(frozen=True, slots=True)
class VendedCredentials(Signed):
    """A session whose credentials a program gets, and what it has left."""

    session: Session = field(repr=False)
    validity: Validity

    @property
    def signed_by(self) -> Session:
        return self.session
