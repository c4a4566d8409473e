"""`POST /sts`: credentials for programs that know web identity."""

from typing import Final

from service.protocols.protocol import Protocol
from service.protocols.sts.check import CHECK

PROTOCOL: Final = Protocol(
    routes=f"{__name__}.routes",
    section="sts",
    settings=bool,
    values=lambda *_: True,
    check=CHECK,
)
