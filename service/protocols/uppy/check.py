"""What `presign check` says about Uppy: who may upload with it, and where uploads go."""

from collections.abc import Iterator
from typing import Final

from service.access.grants import Operation
from service.protocols.checked import Check, CheckedConfiguration
from service.protocols.rights import Target, Use
from service.protocols.uppy.settings import UppySettings

USES: Final = (
    Use("upload in one piece", frozenset({Operation.FORM})),
    Use("make multipart uploads", frozenset({Operation.MULTIPART}), creates=True),
)


def describe(uppy: UppySettings) -> Iterator[str]:
    yield f"uppy: uploads go to {uppy.prefix}… in {uppy.bucket}"


def targets(uppy: UppySettings, _: CheckedConfiguration) -> Iterator[Target]:
    yield Target(
        uses=USES,
        where="with Uppy",
        location=("uppy",),
        bucket=uppy.bucket,
        prefix=uppy.prefix,
    )


CHECK: Final = Check(describe=describe, targets=targets)
