"""Whether the keys of issuers can be fetched and read."""

from typing import Final

import pytest

from service.auth.jwks_client import KeysUnavailable
from service.operations.live.dependencies import check_issuer
from tests.auth.mint import ec_key, jwk, jwks

HTML: Final = b"<!doctype html><title>Sign in</title>"


class FakeIssuer:
    def __init__(self, answer: bytes | KeysUnavailable) -> None:
        self.answer = answer

    async def fetch(self) -> bytes:
        if isinstance(self.answer, KeysUnavailable):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (HTML, "error", "there are no keys: the response is not a JWKS"),
        (KeysUnavailable("no response: ConnectError"), "error",
         "there are no keys: no response: ConnectError"),
        (b'{"keys": [{"kty": "oct"}]}', "error", "there are no keys: the response has no usable key"),
        (jwks(jwk(ec_key())), "works", "1 key"),
        (b'{"keys": []}', "error", "there are no keys: the issuer has withdrawn all of them"),
    ],
)  # fmt: skip
async def test_an_issuer_without_usable_keys_is_an_error(
    answer: bytes | KeysUnavailable, kind: str, message: str
) -> None:
    result = await check_issuer("cluster", FakeIssuer(answer))
    assert (result.kind, result.message) == (kind, message)
    assert result.path == ("issuers", "cluster", "jwks_url")
