"""Which protocols are on, and what they receive of the settings."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from service.app.protocols import AnyProtocol
from service.app.settings import Settings
from service.config.key_files import KEY_BYTES, read_key
from service.errors import ConfigurationError
from service.protocols.protocol import Issuer, Shared

Values = Mapping[AnyProtocol, Any]  # None is off


def is_on(protocol: AnyProtocol, settings: Settings) -> bool:
    if protocol.operation is not None:
        return settings.allows(protocol.operation)
    return protocol.section_of(settings) is not None


def restart_required(old: Settings, new: Settings) -> list[str]:
    """Return the changes that take effect only after a restart, by their settings' names."""
    turned_on = [p.name for p in new.protocols if is_on(p, new) and not is_on(p, old)]
    before, after = values_without_keys(old), values_without_keys(new)
    changed = [
        name
        for protocol in new.protocols
        if before[protocol] is not None and after[protocol] is not None
        for name in protocol.restart(before[protocol], after[protocol])
    ]
    return turned_on + changed


def protocol_values(settings: Settings) -> Values:
    """Raises ConfigurationError for a key of links that cannot be read."""
    return _values(settings, link_keys(settings))


def values_without_keys(settings: Settings) -> Values:
    """Return values to describe or compare. No key is read: random ones take their places."""
    count = 0 if settings.links is None else len(settings.links.keys)
    return _values(settings, [secrets.token_bytes(KEY_BYTES) for _ in range(count)])


def _values(settings: Settings, keys: Sequence[bytes]) -> Values:
    url = settings.server.rate_limit_url
    store_url = None if url is None else url.get_secret_value()
    public_url, ca_bundle = settings.server.public_url or "", settings.server.ca_bundle
    issuers = {name: Issuer(each.issuer, each.audience) for name, each in settings.issuers.items()}
    own = None if settings.links is None else settings.links.store_url
    has_link_store = settings.links is not None and (own or url) is not None
    shared = Shared(tuple(keys), public_url, store_url, ca_bundle, issuers, has_link_store)
    return {protocol: protocol.values_of(settings, shared) for protocol in settings.protocols}


def link_keys(settings: Settings) -> list[bytes]:
    """Read the keys of share links from their files. Raises ConfigurationError."""
    try:
        return [] if settings.links is None else [read_key(path) for path in settings.links.keys]
    except ValueError as error:  # they could be read when the settings were read
        raise ConfigurationError([f"links.keys: {error}"]) from None
