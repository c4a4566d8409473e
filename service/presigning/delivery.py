"""Decides which downloads of a bucket are CloudFront URLs. A key signs these, not a session."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

from service.access.surfaces import ASKED_BY_CALLERS, SURFACES, Surface
from service.errors import InvalidRequest
from service.presigning.signing_terms import SigningLimits, SigningTermsFactory
from service.sessions.lifetime import Lifetime, Validity
from service.signing import sigv4
from service.signing.actions import GetObject
from service.signing.cloudfront import CloudFrontContext, CloudFrontSigner
from service.signing.signer import Signable

_NOT_PASSED_ON: Final = (
    "This bucket is delivered by CloudFront, which is not configured to pass this on to S3."
)
_RESPONSE: Final = "response-"
_FIELDS: Final = MappingProxyType(
    {
        "versionId": "#/version_id",
        "response-content-type": "#/content_type",
        "response-cache-control": "#/cache_control",
    }
)
_VERSION: Final = "This bucket is delivered by CloudFront, which has the current version only."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Delivery:
    """A bucket's distribution. `origin` is its address, without a slash at its end.

    With `response_parameters` its cache policy passes the parameters `response-…` on to S3.
    """

    origin: str
    signer: CloudFrontSigner
    surfaces: frozenset[Surface] = frozenset(SURFACES)
    response_parameters: bool = False

    def delivers(self, get: GetObject, surface: Surface) -> bool:
        """Whether the answer is a CloudFront URL. Otherwise S3 delivers.

        Raises InvalidRequest if a caller asks for what CloudFront would drop in silence.
        """
        if surface not in self.surfaces:
            return False
        if (dropped := self._dropped(get)) is None:
            return True
        if surface not in ASKED_BY_CALLERS:
            return False
        detail = _VERSION if dropped == "versionId" else _NOT_PASSED_ON
        raise InvalidRequest(detail, pointer=_pointer(dropped, get))

    def terms(
        self, factory: SigningTermsFactory, limits: SigningLimits, lifetime: Lifetime
    ) -> "DeliveryTerms":
        """As `UrlSigner.terms`."""
        return DeliveryTerms(self, factory.without_session(limits, lifetime))

    def context(self, get: Signable, expires_at: int) -> CloudFrontContext:
        query = sigv4.canonical_query(get.query())
        return CloudFrontContext(
            signer=self.signer, origin=self.origin, expires_at=expires_at, query=query
        )

    def _dropped(self, get: GetObject) -> str | None:
        """Return the name of the first parameter or header that would not reach S3."""
        passed_on = _RESPONSE if self.response_parameters else None
        for name, _ in get.query():
            if passed_on is None or not name.startswith(passed_on):
                return name
        return next(iter(get.headers()), None)


def _pointer(name: str, get: GetObject) -> str | None:
    """Return the field of a request that a parameter comes from."""
    if name == "response-content-disposition":
        return "#/filename" if "filename" in (get.content_disposition or "") else "#/disposition"
    return _FIELDS.get(name)


@dataclass(slots=True, eq=False)
class DeliveryTerms:
    """What CloudFront delivers, as a `UrlTerms`."""

    is_slow: ClassVar = True

    delivery: Delivery
    validity: Validity

    @property
    def signed_by(self) -> CloudFrontSigner:
        return self.delivery.signer

    def context(self, action: Signable, tag: str | None) -> CloudFrontContext:  # noqa: ARG002
        return self.delivery.context(action, self.validity.expires_at)

    def is_current(self) -> bool:
        return False
