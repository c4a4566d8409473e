"""`aws cloudfront sign` signs what the service signs: the same bytes, for the same hash."""

import os
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA1

from service.signing import cloudfront
from service.signing.cloudfront import CloudFrontContext, CloudFrontSigner
from tests.clients.toolchains import GENERATORS
from tests.support.cloudfront import KEY_ID, ORIGIN, PKCS1, pem, rsa_key
from tests.support.cloudfront_double import Distribution

END = 2_000_000_000
KEYS = ["films/1.ts", "a b+c", "ä/日本", "a//b*c?d", "100%2F"]


@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
def test_the_aws_cli_signs_the_same(
    tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Release 1.46 of the CLI has RSA and SHA-1 only."""
    (tmp_path / "key.pem").write_bytes(pem(rsa_key(), PKCS1))
    signer = CloudFrontSigner(KEY_ID, rsa_key())
    context = CloudFrontContext(signer=signer, origin=ORIGIN, expires_at=END)
    address = context.url(key).partition("?Expires=")[0]
    by_cli = subprocess.run(
        [
            *(GENERATORS / "aws", "cloudfront", "sign", "--url", address),
            *("--key-pair-id", KEY_ID, "--private-key", f"file://{tmp_path}/key.pem"),
            *("--date-less-than", str(END)),
        ],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.strip()
    monkeypatch.setattr(cloudfront, "SHA256", SHA1)
    assert context.url(key).removesuffix("&Hash-Algorithm=SHA256") == by_cli
    double = Distribution(origin=ORIGIN, keys={KEY_ID: rsa_key().public_key()}, now=lambda: END - 1)
    assert double.admit(by_cli.removeprefix(ORIGIN), {}) == address.removeprefix(ORIGIN)
