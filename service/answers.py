"""What callers are given: a request, or a form, that is signed. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from service.lifetime import Given, LimitedBy
from service.sessions.session import Session


@dataclass(frozen=True, slots=True)
class Term:
    """When a signature begins, by the store's clock in epoch seconds, and how long it holds."""

    now: int
    given: Given

    @property
    def expires_in(self) -> int:
        return self.given.expires_in

    @property
    def expires_at(self) -> int:
        return self.now + self.given.expires_in

    @property
    def limited_by(self) -> LimitedBy | None:
        return self.given.limited_by


@dataclass(frozen=True, slots=True, kw_only=True)
class PresignedRequest:
    """`headers` are to be sent byte for byte."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str]
    term: Term
    session: Session = field(repr=False)
    content_length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PresignedForm:
    """`fields` are to be sent in this order, the file after them all."""

    url: str
    key: str
    fields: Mapping[str, str] = field(repr=False)
    term: Term
    session: Session = field(repr=False)
