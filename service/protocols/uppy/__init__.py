"""Uploads with Uppy in a browser."""

from typing import Final

from service.protocols.protocol import Protocol
from service.protocols.uppy.check import CHECK
from service.protocols.uppy.routes import router
from service.protocols.uppy.settings import UppySettings, buckets, restart, values
from service.protocols.uppy.uploads import FEATURE, UppyUploads

PROTOCOL: Final = Protocol(
    section="uppy",
    settings=UppySettings,
    values=values,
    use_case=lambda core, values: UppyUploads(values, core),
    routers=(router,),
    feature=FEATURE,
    check=CHECK,
    buckets=buckets,
    restart=restart,
)
