"""What `presign check` says about buckets that CloudFront delivers."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from service.access.grants import Grant, Operation
from service.app.settings import Settings
from service.config.cloudfront import CloudFrontSettings
from service.errors import ConfigurationProblem
from service.protocols.quantities import duration
from service.signing.signer import MAX_EXPIRES_IN

_READABLE: Final = "all users of this machine may read this private key; run `chmod o-r` on it"
_NO_DOWNLOADS: Final = "no grant allows `download`, so nothing is delivered"


def describe(name: str, cloudfront: CloudFrontSettings, grants: list[Grant]) -> Iterator[str]:
    limits = [g.max_expires_in or MAX_EXPIRES_IN for g in grants if Operation.DOWNLOAD in g.allow]
    key = cloudfront.keys[0].id
    where = f"{cloudfront.url} ({', '.join(cloudfront.deliver)}), signed with the key {key}"
    yield f"bucket {name}: downloads are delivered by {where}"
    if limits:
        yield (
            f"bucket {name}: CloudFront URLs and cookies live {duration(max(limits))} at most, and "
            "cannot be revoked: only the removal of the key from its key group ends them, for all "
            "callers"
        )


def warnings(settings: Settings) -> Iterator[ConfigurationProblem]:
    downloads = {g.bucket for g in settings.distinct_grants if Operation.DOWNLOAD in g.allow}
    for name, bucket in settings.buckets.items():
        if bucket.cloudfront is None:
            continue
        at = ("buckets", name, "cloudfront")
        for i, key in enumerate(bucket.cloudfront.keys):
            if _others_may_read(key.private_key_file):
                where = (*at, "keys", i, "private_key_file")
                yield ConfigurationProblem(_READABLE, where, grave=True)
        if name not in downloads:
            yield ConfigurationProblem(_NO_DOWNLOADS, at)


def _others_may_read(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:  # with --offline it need not exist
        return False
