"""The ARNs of a bucket and of its objects. Pure."""

import re
from dataclasses import dataclass
from typing import Any, Final

_ACCESS_POINT: Final = re.compile(r"(arn:[^:]+:s3:[^:]+:[^:]+:accesspoint)[:/](.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketArns:
    """The ARN of a bucket, and in `objects` the ARN of its objects without the key.

    `kms_via` are the values of `kms:ViaService` to allow; empty if the store is not AWS.
    `enforces_limits` says whether the store supports the condition keys of limits and of copies, as
    AWS does. Nobody may upload with a tag of the names in `tags_read_by`.
    """

    bucket: str
    objects: str
    kms_via: tuple[str, ...] = ()
    enforces_limits: bool = False
    tags_read_by: tuple[str, ...] = ()


def bucket_arns(s3_bucket: str, *, partition: str, **more: Any) -> BucketArns:
    """Return the ARNs of a bucket, given by its name or by the ARN of an access point.

    `more` are other fields.
    """
    if (point := _ACCESS_POINT.fullmatch(s3_bucket)) is not None:
        arn = f"{point[1]}/{point[2]}"  # S3 also accepts a colon, IAM does not
        return BucketArns(bucket=arn, objects=f"{arn}/object/", **more)
    arn = f"arn:{partition}:s3:::{s3_bucket}"
    return BucketArns(bucket=arn, objects=f"{arn}/", **more)
