"""What `presign check` says about Uppy: who may upload with it, and where uploads go."""

from collections.abc import Iterator
from typing import Final

from service.access.grants import Operation
from service.protocols.checked import Check, Checked
from service.protocols.rights import Target, Use
from service.protocols.uppy.settings import UploadTarget

USES: Final = (
    Use("upload in one piece", frozenset({Operation.FORM})),
    Use("make multipart uploads", frozenset({Operation.MULTIPART}), creates=True),
)


def describe(uppy: UploadTarget) -> Iterator[str]:
    yield f"uppy: uploads go to {uppy.template}… in {uppy.bucket}"


def targets(uppy: UploadTarget, _: Checked) -> Iterator[Target]:
    yield Target(
        uses=USES,
        where="with Uppy",
        location=("uppy",),
        bucket=uppy.bucket,
        prefix=uppy.template,
    )


CHECK: Final = Check(describe=describe, targets=targets)
