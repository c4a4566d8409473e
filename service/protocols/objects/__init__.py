"""Object URLs: one address for each object."""

from typing import Final

from service.protocols.objects.check import CHECK
from service.protocols.objects.settings import ObjectUrlSettings, values
from service.protocols.protocol import Protocol

PROTOCOL: Final = Protocol(
    routes=f"{__name__}.routes",
    section="objects",
    settings=ObjectUrlSettings,
    values=values,
    check=CHECK,
)
