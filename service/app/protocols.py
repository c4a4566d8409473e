"""Which protocols there are."""

from typing import Any, Final

from service.protocols import (
    arrivals,
    build_caches,
    credentials,
    git_lfs,
    hugging_face,
    links,
    mcp,
    mlflow,
    objects,
    package_index,
    remote_signing,
    sts,
    uppy,
)
from service.protocols.protocol import Protocol

AnyProtocol = Protocol[Any, Any]

PROTOCOLS: Final[tuple[AnyProtocol, ...]] = (
    objects.PROTOCOL,
    package_index.PROTOCOL,
    git_lfs.PROTOCOL,
    mlflow.PROTOCOL,
    hugging_face.PROTOCOL,
    build_caches.PROTOCOL,
    uppy.PROTOCOL,
    links.PROTOCOL,
    mcp.PROTOCOL,
    credentials.PROTOCOL,
    sts.PROTOCOL,
    remote_signing.PROTOCOL,
    arrivals.PROTOCOL,
)
