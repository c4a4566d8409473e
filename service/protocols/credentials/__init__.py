"""Credentials for programs with an AWS SDK."""

from typing import Final

from service.access.grants import Operation
from service.protocols.credentials.check import CHECK
from service.protocols.credentials.routes import router
from service.protocols.credentials.vending import FEATURE, CredentialVending
from service.protocols.protocol import Protocol

PROTOCOL: Final[Protocol[None, None]] = Protocol(
    operation=Operation.CREDENTIALS,
    use_case=lambda core, _: CredentialVending(core.authorizer, core.pool),
    routers=(router,),
    feature=FEATURE,
    check=CHECK,
)
