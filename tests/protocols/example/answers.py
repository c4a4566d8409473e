"""A kind of request, of answer and of refusal that no other module knows: a loan of a file."""

from dataclasses import dataclass
from typing import ClassVar

from prometheus_client import Counter

from service.access.grants import Operation
from service.errors import LimitExceeded
from service.presigning.answers import Members, SigningObserver
from service.sessions.lifetime import Lifetime


@dataclass(frozen=True, slots=True)
class LoanRequest:
    operation: ClassVar = Operation.DOWNLOAD

    bucket: str
    key: str
    shelf: str
    lifetime: Lifetime

    def members(self) -> Members:
        return (("action", "LendFile"), ("shelf", self.shelf))


@dataclass(frozen=True, slots=True)
class Loan:
    days: int
    loans: Counter

    def members(self, request: LoanRequest) -> Members:
        return (("days", self.days), *request.members())

    def count(self, observer: SigningObserver, request: LoanRequest, keys: int) -> None:
        observer.signed(request.operation, request.bucket, None, keys)
        self.loans.labels(request.shelf).inc(keys)


class NotLent(LimitExceeded):
    def __init__(self) -> None:
        super().__init__("A file of reference is not lent.")
