"""The settings of share links."""

from dataclasses import dataclass, field
from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr

from service.config.key_files import KeyFile
from service.config.messages import Missing
from service.config.texts import check_store_url, matching
from service.config.types import Section
from service.protocols.links.tickets import LinkKeys
from service.protocols.protocol import Shared

MEMORY: Final = "memory://"


def _check_store_url(url: SecretStr) -> SecretStr:
    return url if url.get_secret_value() == MEMORY else check_store_url(url)


LinkStoreUrl = Annotated[  # it may hold a password
    SecretStr,
    Field(
        title="URL of a Redis or Valkey, or `memory://`",
        examples=["rediss://links:6379/0", "memory://"],
    ),
    AfterValidator(_check_store_url),
]
LinkId = Annotated[
    str, matching(r"lnk_[A-Za-z0-9_-]{24}", "write the id of a link, as the audit trail shows it")
]


class LinksSettings(Section):
    """[Share links](share-links.md) at `/l/…`, for people and tools that have nothing but an
    address.
    """

    keys: Annotated[
        tuple[KeyFile, ...],
        Field(min_length=1),
        Missing("write a list of keys, as in presign.example.yaml"),
    ]
    """Files with one key each, as `presign new-link-key` prints it. The first seals new links, each
    opens its own. Anyone who has a key can make links in any caller's name. The files are
    watched."""

    store_url: LinkStoreUrl | None = None
    """Redis or Valkey that counts uses, keeps revocations, and lists callers' links. The default is
    the server's `rate_limit_url`. It [must lose nothing](operations.md#share-links). Without a
    store, `max_uses` and lists are refused, and only `revoked_links` ends a link. `memory://` is in
    the process, for one replica. Read at startup only. It may hold a password."""

    revoked_links: tuple[LinkId, ...] = ()
    """Ids of links that must end early, whatever the store says. Remove each after its link's
    `expires_at`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinksValues:
    """The configuration of links. They start with `url`, which ends before `/l/`.

    `store_url` is that of the store for uses and revocations, which may be the shared one.
    """

    keys: LinkKeys
    url: str
    revoked: frozenset[str] = frozenset()
    store_url: str | None = field(default=None, repr=False)


def values(links: LinksSettings, shared: Shared) -> LinksValues:
    own = links.store_url
    return LinksValues(
        keys=LinkKeys(shared.keys),
        url=shared.public_url,
        revoked=frozenset(links.revoked_links),
        store_url=shared.store_url if own is None else own.get_secret_value(),
    )


def restart(old: LinksValues, new: LinksValues) -> list[str]:
    return [] if old.store_url == new.store_url else ["links.store_url"]
