"""Cookies of CloudFront for all objects under a prefix: a film in segments, tiles of a map."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Final

from service.access.grants import AccessRequest, Operation
from service.errors import InvalidRequest
from service.presigning.answers import Members, ObjectRequest, Signed, lifetime_members
from service.presigning.authorizer import Authorizer
from service.presigning.requests import Requester
from service.sessions.lifetime import Lifetime, Validity
from service.signing.cloudfront import CloudFrontSigner, folder_url
from service.signing.validation import check_prefix

_FOLDER: Final = 'The prefix must end in `/`, or be "" for the whole bucket.'
_NO_CLOUDFRONT: Final = "This bucket is not delivered by CloudFront, so it has no cookies."


@dataclass(frozen=True, slots=True, kw_only=True)
class CookiesRequest:
    """Cookies of CloudFront for all that is below `key`, a prefix."""

    operation: ClassVar = Operation.DOWNLOAD

    bucket: str
    key: str
    lifetime: Lifetime

    def members(self) -> Members:
        return (("action", "SignCookies"),)


@dataclass(slots=True, kw_only=True)
class SignedCookies(Signed):
    """Cookies that open all that is below `url`."""

    cookies: Mapping[str, str] = field(repr=False)
    url: str
    validity: Validity
    signed_by: CloudFrontSigner = field(repr=False)

    def members(self, request: ObjectRequest) -> Members:
        lifetime = lifetime_members(self.validity, request)
        return lifetime + request.members() + self.signed_by.members()


async def sign_cookies(
    authorizer: Authorizer, requester: Requester, request: CookiesRequest
) -> SignedCookies:
    """Return the cookies, the address that they open, and when they expire.

    One grant must allow `download` on all that is below the prefix. Raises Forbidden,
    InvalidRequest, RateLimited, and Overloaded if the audit line cannot be written.
    """
    sign = partial(_sign, authorizer, requester, request)
    return await authorizer.sign_and_audit(requester, request, request.key, sign)


def _sign(authorizer: Authorizer, requester: Requester, request: CookiesRequest) -> SignedCookies:
    check_prefix(request.key)
    if request.key and not request.key.endswith("/"):
        raise InvalidRequest(_FOLDER, pointer="#/prefix")
    authorized = authorizer.authorize(
        requester,
        AccessRequest(
            operation=Operation.DOWNLOAD, bucket=request.bucket, key=request.key, is_prefix=True
        ),
    )
    if (delivery := authorized.bucket.cloudfront) is None:
        raise InvalidRequest(_NO_CLOUDFRONT, pointer="#/bucket")
    validity = authorizer.without_session(authorized, request.lifetime)
    url = folder_url(delivery.origin, request.key)
    return SignedCookies(
        cookies=delivery.signer.cookies(f"{url}*", expires_at=validity.expires_at),
        url=url,
        validity=validity,
        signed_by=delivery.signer,
    )
