"""Credentials for programs with an AWS SDK."""

from typing import Final

from service.access.grants import Operation
from service.protocols.credentials.check import CHECK
from service.protocols.protocol import Protocol

PROTOCOL: Final[Protocol[None, None]] = Protocol(
    routes=f"{__name__}.routes",
    operation=Operation.CREDENTIALS,
    check=CHECK,
)
