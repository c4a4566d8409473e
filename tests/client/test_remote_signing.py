"""Which signatures are kept, for which requests, and for how long."""

from dataclasses import dataclass, field, replace

import httpx
import pytest

from presign_client import Retries
from presign_client.api import Api
from presign_client.remote_signing import KEPT, KEPT_SECONDS, RemoteSigner, UnsignedRequest
from tests.client.failing import fails
from tests.client.fake import TOKEN, Fake

REQUEST = UnsignedRequest(region="eu-west-1", method="GET", uri="https://store.test/b/a")


def test_a_customers_key_is_not_in_its_representation() -> None:
    """Of encryption with a key of the customer's own the key is a header."""
    sent = ("x-amz-server-side-encryption-customer-key", "key-of-ann")

    assert "key-of-ann" not in repr(replace(REQUEST, headers=(sent,)))


@dataclass
class Signing:
    """A signer in front of the fake, with a time and a token of its own."""

    fake: Fake = field(default_factory=Fake)
    now: float = 1000.0
    token: str = TOKEN

    def __post_init__(self) -> None:
        http = httpx.Client(transport=httpx.MockTransport(self.fake.answer))
        api = Api("https://presign.test", lambda: TOKEN, http, Retries(tries=1))
        self.signer = RemoteSigner(api, lambda: self.token, lambda: self.now)

    def calls(self, *requests: UnsignedRequest) -> int:
        """Sign requests, and return how many of them the service signed."""
        before = len(self.fake.requests)
        for request in requests:
            self.signer.sign(request)
        return len(self.fake.requests) - before


@pytest.fixture
def signing() -> Signing:
    return Signing()


def test_a_private_signature_is_kept(signing: Signing) -> None:
    assert signing.calls(REQUEST, REQUEST, REQUEST) == 1
    assert signing.signer.sign(REQUEST)["x-amz-date"] == "20260301T120000Z"


def test_it_is_kept_for_30_seconds(signing: Signing) -> None:
    signing.calls(REQUEST)

    signing.now += KEPT_SECONDS - 0.1
    assert signing.calls(REQUEST) == 0

    signing.now += 0.1
    assert signing.calls(REQUEST) == 1


@pytest.mark.parametrize(
    "other",
    [
        replace(REQUEST, method="HEAD"),
        replace(REQUEST, region="eu-west-2"),
        replace(REQUEST, uri="https://store.test/b/a?versionId=1"),
        replace(REQUEST, headers=(("range", "bytes=0-1"),)),
    ],
)
def test_another_request_gets_its_own(signing: Signing, other: UnsignedRequest) -> None:
    assert signing.calls(REQUEST, other) == 2


def test_another_token_gets_its_own(signing: Signing) -> None:
    signing.calls(REQUEST)

    signing.token = "of another caller"

    assert signing.calls(REQUEST) == 1


@pytest.mark.parametrize("value", ["no-cache", "Private", "private, max-age=30", None])
def test_what_is_not_exactly_private_is_not_kept(signing: Signing, value: str | None) -> None:
    headers = {} if value is None else {"cache-control": value}
    answer = {"uri": REQUEST.uri, "headers": {"Authorization": ["a"]}}
    fails(2, httpx.Response(200, headers=headers, json=answer), signing.fake)

    assert signing.calls(REQUEST, REQUEST) == 2


def test_the_oldest_makes_room(signing: Signing) -> None:
    others = [replace(REQUEST, uri=f"https://store.test/b/{each}") for each in range(KEPT)]
    signing.calls(REQUEST, *others)

    assert signing.calls(others[-1], others[0]) == 0
    assert signing.calls(REQUEST) == 1
