"""Who signs a URL: a session of the caller, or a key that the service has for a bucket.

Nothing here but `SessionSigner` knows a kind of signer. `Bucket.signing_for` chooses one.
"""

from typing import Protocol

from service.presigning.answers import SignedBy
from service.presigning.signing_terms import SigningLimits, SigningTerms, SigningTermsFactory
from service.sessions.lifetime import Lifetime, Validity
from service.signing.signer import Signable, UrlContext


class UrlTerms(Protocol):
    """The signer of authorized URLs, and how long they are valid.

    If it `is_slow`, a signature costs more than all other steps: the URLs of a batch are signed in
    a thread, and no template is cached.
    """

    @property
    def is_slow(self) -> bool: ...

    @property
    def validity(self) -> Validity: ...

    @property
    def signed_by(self) -> SignedBy: ...

    def context(self, action: Signable, tag: str | None) -> UrlContext:
        """Return what signs the URLs, with `tag` as their id if they can have one."""

    def is_current(self) -> bool:
        """Whether this would be granted again now, in the same second."""


class UrlSigner(Protocol):
    def terms(
        self, factory: SigningTermsFactory, limits: SigningLimits, lifetime: Lifetime
    ) -> UrlTerms:
        """Return what signs, and for how long.

        Raises NoSessionYet, LifetimeUnavailable or CredentialsUnavailable if the minimum lifetime
        cannot be met, and InvalidRequest for more than a signature can last.
        """


class SessionSigner:
    """SigV4, with the caller's session."""

    def terms(
        self, factory: SigningTermsFactory, limits: SigningLimits, lifetime: Lifetime
    ) -> SigningTerms:
        return factory.make(limits, lifetime)
