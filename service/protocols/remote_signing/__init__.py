"""Signatures for programs that speak S3 themselves."""

from typing import Final

from service.access.grants import Operation
from service.protocols.protocol import Protocol
from service.protocols.remote_signing.check import CHECK

PROTOCOL: Final[Protocol[None, None]] = Protocol(
    routes=f"{__name__}.routes",
    operation=Operation.SIGN,
    check=CHECK,
)
