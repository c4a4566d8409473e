"""Uploads with Uppy in a browser."""

from typing import Final

from service.protocols.protocol import Protocol
from service.protocols.uppy.check import CHECK
from service.protocols.uppy.settings import UppySettings, buckets

PROTOCOL: Final = Protocol(
    routes=f"{__name__}.routes",
    section="uppy",
    settings=UppySettings,
    values=lambda uppy, _: uppy,
    check=CHECK,
    buckets=buckets,
)
