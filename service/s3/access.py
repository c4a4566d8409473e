"""What the service needs to act at the store for a caller: the session, its signers and how long."""

from dataclasses import dataclass, field

from service.sessions.lifetime import Validity
from service.sessions.session import Session
from service.signing.actions import Encryption
from service.signing.signer import Signable, Signer


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAccess:
    """That the service may act at the store for a caller, and sign `urls` URLs for `validity`.

    `internal_signer` signs what the service itself sends; `tag` goes into the URLs.
    """

    session: Session = field(repr=False)
    signer: Signer
    internal_signer: Signer
    validity: Validity
    encryption: Encryption | None = None
    tag: str | None = None
    urls: int = 0

    def presign(self, action: Signable, key: str) -> str:
        """The URL, for whoever asked."""
        return self.signer.presign(
            action, key, now=self.validity.now, expires_in=self.validity.expires_in, tag=self.tag
        )
