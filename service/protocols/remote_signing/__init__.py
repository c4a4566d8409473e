"""Signatures for programs that speak S3 themselves."""

from typing import Final

from service.access.grants import Operation
from service.protocols.protocol import Protocol
from service.protocols.remote_signing.check import CHECK
from service.protocols.remote_signing.remote_signer import FEATURE, RemoteSigner
from service.protocols.remote_signing.routes import router

PROTOCOL: Final[Protocol[None, None]] = Protocol(
    operation=Operation.SIGN,
    use_case=lambda core, _: RemoteSigner(core.authorizer),
    routers=(router,),
    feature=FEATURE,
    check=CHECK,
)
