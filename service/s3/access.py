"""What the service needs to call the store for one caller."""

from dataclasses import dataclass, field

from service.sessions.lifetime import Validity
from service.sessions.session import Session
from service.signing.actions import Encryption
from service.signing.signer import RequestSigner, Signable


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAccess:
    """Permission to call the store for a caller, and to sign URLs for `validity`.

    `signer` signs URLs for the caller, with `tag` as their id. `internal_signer` signs the
    service's own requests.
    """

    session: Session = field(repr=False)
    signer: RequestSigner
    internal_signer: RequestSigner
    validity: Validity
    encryption: Encryption | None = None
    tag: str | None = None

    def presign(self, action: Signable, key: str) -> str:
        """Return the URL to give to the caller."""
        return self.signer.presign(
            action, key, now=self.validity.now, expires_in=self.validity.expires_in, tag=self.tag
        )
