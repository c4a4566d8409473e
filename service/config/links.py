"""The settings of share links, and the files that their keys are in."""

from base64 import b64decode, b64encode
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo

from service.config.patterns import matching
from service.config.quoting import Shown
from service.config.store_urls import check_store_url
from service.config.types import OFFLINE, Section, Url

KEY_BYTES: Final = 32
MEMORY: Final = "memory://"


def new_key(random: bytes) -> str:
    """Return KEY_BYTES random bytes as the text of a key file."""
    return b64encode(random).decode()


def read_key(path: Path) -> bytes:
    """Return the key in a file.

    Raises ValueError, which repeats neither the content nor the path: that may be a key by mistake.
    """
    try:
        key = b64decode(path.read_text(encoding="ascii").strip(), validate=True)
    except (OSError, ValueError):  # of a file that is missing, or of other text
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(
            "write the path of a readable file with a key as `presign new-link-key` prints it"
        )
    return key


def _check_key_file(path: Path, info: ValidationInfo) -> Path:
    if info.context != OFFLINE:
        read_key(path)
    return path


def _check_store_url(url: SecretStr) -> SecretStr:
    return url if url.get_secret_value() == MEMORY else check_store_url(url)


KeyFile = Annotated[Path, AfterValidator(_check_key_file)]
LinkStoreUrl = Annotated[  # it may hold a password
    SecretStr,
    Field(title="URL of a Redis or Valkey, or `memory://`"),
    AfterValidator(_check_store_url),
]
LinkId = Annotated[
    str, matching(r"lnk_[A-Za-z0-9_-]{24}", "write the id of a link, as the audit trail shows it")
]


class LinksSettings(Section):
    """[Share links](share-links.md) at `/l/…`, for people and tools that have nothing but an
    address.
    """

    keys: Annotated[tuple[KeyFile, ...], Field(min_length=1)]
    """Files with one key each, as `presign new-link-key` prints it. The first key seals new links,
    and each key opens the links that it has sealed. Anyone who has a key can make links in any
    caller's name. The files are read again when they change."""

    url: Shown[Url]
    """The address before `/l/` in links, as the people who get them reach the service."""

    store_url: LinkStoreUrl | None = None
    """A Redis or Valkey that counts uses and keeps which links are revoked. The default is the
    server's `rate_limit_url`. It must lose nothing: `appendonly yes`, `maxmemory-policy
    noeviction`. A link whose count is lost ends. A link whose revocation is lost works again once
    the replicas have restarted. Without a store, `max_uses` is refused, and only `revoked_links`
    ends a link. `memory://` is a store in the process: for one replica, and lost when it ends. Read
    at startup only. It may hold a password."""

    revoked_links: tuple[LinkId, ...] = ()
    """Ids of links that must end early, whatever the store says. Each can be removed after its
    link's `expires_at`."""
