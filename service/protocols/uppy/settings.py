"""The settings of Uppy."""

from service.config.durations import Seconds
from service.config.quoting import Shown
from service.config.types import BucketName, OwnPrefix, Section
from service.protocols.protocol import NamedBucket


class UppySettings(Section):
    """Uploads with Uppy. [Uppy](uppy.md) has the page's code and the proxy's configuration."""

    bucket: Shown[BucketName]
    """Bucket, by its name in this file."""

    prefix: Shown[OwnPrefix]
    """Where each caller's uploads go. `{caller}` becomes the issuer and the subject, or `_key` and
    the API key's name."""

    expires_in: Shown[Seconds | None] = None
    """Lifetime of a URL, up to the grant's `max_expires_in`. The default is the server's
    `default_expires_in`."""


def buckets(uppy: UppySettings) -> list[NamedBucket]:
    return [NamedBucket(("uppy", "bucket"), uppy.bucket, uppy.prefix)]
