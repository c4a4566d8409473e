"""A configuration in use."""

import ssl
from dataclasses import dataclass

from service.app import builders
from service.app.protocols import Values
from service.app.session_sources import Origin
from service.app.settings import Settings
from service.auth.jwks_cache import JwksCache
from service.auth.tokens import Issuer
from service.presigning.snapshot import Snapshot
from service.sessions.pool_entry import BucketSessions
from service.sessions.source import SessionSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Settings, and the parts made for them or kept from the settings before."""

    settings: Settings
    snapshot: Snapshot
    buckets: dict[str, BucketSessions]
    origins: dict[str, Origin]  # of the buckets' sessions
    jwks: dict[str, JwksCache]
    ca_digest: str
    new_tls_context: ssl.SSLContext | None  # None if the CA bundles did not change
    protocols: Values

    def sources(self) -> list[SessionSource]:
        return [bucket.source for bucket in self.buckets.values()]

    def issuers(self) -> list[tuple[Issuer, JwksCache]]:
        return [(builders.issuer(name, self.settings), each) for name, each in self.jwks.items()]
