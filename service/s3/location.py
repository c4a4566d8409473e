"""Where a bucket is, as the configuration says it."""

from dataclasses import dataclass
from typing import Literal

AddressingStyle = Literal["virtual", "path"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A bucket's name, or the ARN of an access point, and how to reach it.

    `endpoint_url` is set for stores other than AWS; the `addressing_style` to use then depends on
    the store. `internal` is how the service itself reaches the bucket, if that differs.
    """

    bucket: str
    region: str
    endpoint_url: str | None = None
    addressing_style: AddressingStyle = "virtual"
    fips: bool = False
    dual_stack: bool = False
    accelerate: bool = False
    internal: "Location | None" = None
