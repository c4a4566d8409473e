"""A third signer, beside sessions and CloudFront: one class, and a bucket that chooses it."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final

import pytest

from service.access.grants import Operation
from service.access.surfaces import Surface
from service.errors import InvalidRequest, LifetimeUnavailable
from service.presigning.bucket import Bucket
from service.presigning.requests import PresignBatch, SignedAction
from service.presigning.signing_terms import SigningLimits, SigningTermsFactory
from service.presigning.url_signers import UrlSigner
from service.sessions.lifetime import Lifetime, Validity
from service.signing.actions import GetObject, HeadObject, PutObject
from service.signing.signer import Signable, encode_key
from tests.support.authorizer import Harness, make_harness, urls_of
from tests.support.factories import ADDRESS, make_grant, make_request, make_snapshot
from tests.support.virtual_time import in_virtual_time

ORIGIN: Final = "https://third.example"
WEEK: Final = 604_800


@dataclass(kw_only=True)
class KeySigner:
    """Signs with a key of the service's own, for a week at most. It grants itself."""

    is_slow: ClassVar[bool] = False
    headers: ClassVar = {"x-third": "1", "content-length": "0"}

    validity: Validity

    @classmethod
    def terms(
        cls, factory: SigningTermsFactory, limits: SigningLimits, lifetime: Lifetime
    ) -> "KeySigner":
        lifetime.check_signable()
        return cls(validity=factory.without_session(limits, lifetime))

    @property
    def signed_by(self) -> "KeySigner":
        return self

    def members(self) -> tuple[tuple[str, str], ...]:
        return (("key_id", "third"),)

    def context(self, action: Signable, tag: str | None) -> "KeySigner":
        assert isinstance(action, GetObject | HeadObject)
        assert tag is None
        return self

    def is_current(self) -> bool:
        return False

    def url(self, key: str) -> str:
        return self.urls([encode_key(key)])[0]

    def urls(self, paths: Iterable[str]) -> list[str]:
        return [f"{ORIGIN}/{path}?{self._signature(path)}" for path in paths]

    def _signature(self, path: str) -> str:
        return hmac.digest(b"k", f"{path}{self.validity.expires_at}".encode(), "sha256").hex()


class KeyBucket(Bucket):
    def signing_for(self, action: SignedAction, surface: Surface) -> UrlSigner:
        is_read = isinstance(action, GetObject | HeadObject)
        return KeySigner if is_read else super().signing_for(action, surface)


def harness_of(max_expires_in: int | None = None) -> Harness:
    bucket = KeyBucket(s3_bucket="acme-reports", address=ADDRESS)
    grant = make_grant(max_expires_in=max_expires_in)
    return make_harness(make_snapshot(grant, buckets={"reports": bucket}))


@in_virtual_time
async def test_a_key_signs_without_a_session() -> None:
    harness = harness_of()
    for action in (GetObject(), HeadObject()):
        signed = await harness.presign(make_request(action, key="a b"))
        assert signed.url.startswith(f"{ORIGIN}/a%20b?")
        assert signed.headers == {"x-third": "1"}
    assert harness.fetches == 0


@in_virtual_time
async def test_the_audit_line_says_which_key_signed() -> None:
    harness = harness_of()
    await harness.presign(make_request())
    [line] = harness.audit_lines
    assert (line["key_id"], line["operation"]) == ("third", Operation.DOWNLOAD)
    assert {"session_name", "access_key_id"}.isdisjoint(line)


@in_virtual_time
async def test_a_session_signs_what_the_key_does_not() -> None:
    harness = harness_of()
    signed = await harness.presign(make_request(PutObject(content_length=1)))
    assert "X-Amz-Signature=" in signed.url
    assert harness.fetches == 1


@in_virtual_time
async def test_a_signer_limits_the_lifetime_by_its_own_rules() -> None:
    with pytest.raises(InvalidRequest):
        await harness_of().presign(make_request(expires_in=WEEK + 1))
    harness = harness_of(max_expires_in=60)
    assert (await harness.presign(make_request(expires_in=90))).validity.expires_in == 60
    with pytest.raises(LifetimeUnavailable):
        await harness.presign(make_request(min_expires_in=61))


@in_virtual_time
async def test_a_batch_of_a_fast_signer_needs_no_thread() -> None:
    """In virtual time there are none."""
    batch = PresignBatch(make_request(key="a"), ["a", "a b"])
    urls = urls_of(await harness_of().presign_batch([batch]))
    assert [url.partition("?")[0] for url in urls] == [f"{ORIGIN}/a", f"{ORIGIN}/a%20b"]


@pytest.mark.parametrize("is_slow", [False, True])
@in_virtual_time
async def test_what_is_slow_to_sign_is_not_cached(
    is_slow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KeySigner, "is_slow", is_slow)
    harness = harness_of()
    await harness.presign(make_request())
    assert len(harness.presigner._templates._cache) == (not is_slow)
