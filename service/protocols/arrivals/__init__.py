"""Arrivals: notify hooks when an upload has arrived."""

from typing import Final

from service.protocols.arrivals.check import CHECK
from service.protocols.arrivals.settings import ArrivalsSettings, buckets, restart, values
from service.protocols.protocol import Protocol

PROTOCOL: Final = Protocol(
    routes=f"{__name__}.routes",
    section="arrivals",
    settings=ArrivalsSettings,
    values=values,
    check=CHECK,
    buckets=buckets,
    restart=restart,
)
