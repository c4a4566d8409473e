"""Keys for CloudFront, and buckets that it delivers."""

import json
from base64 import b64decode
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from service.presigning.delivery import Delivery
from service.signing.cloudfront import CloudFrontSigner, PrivateKey

ORIGIN: Final = "https://d111111abcdef8.cloudfront.net"
KEY_ID: Final = "K2JCJMDEHXQW5F"
DISTRIBUTION: Final = "arn:aws:cloudfront::111122223333:distribution/EDFDVBD6EXAMPLE"
PKCS8: Final = serialization.PrivateFormat.PKCS8
PKCS1: Final = serialization.PrivateFormat.TraditionalOpenSSL


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    """The key of RFC 6979, A.2.5."""
    number = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
    return ec.derive_private_key(number, ec.SECP256R1())


def pem(
    key: Any, form: serialization.PrivateFormat = PKCS8, passphrase: bytes | None = None
) -> bytes:
    hidden: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        hidden = serialization.BestAvailableEncryption(passphrase)
    content: bytes = key.private_bytes(serialization.Encoding.PEM, form, hidden)
    return content


def make_delivery(key: PrivateKey | None = None, **changes: Any) -> Delivery:
    return Delivery(origin=ORIGIN, signer=CloudFrontSigner(KEY_ID, key or ec_key()), **changes)


def settings_with_cloudfront(directory: Path, **changes: Any) -> dict[str, Any]:
    """Return the section `cloudfront` of a bucket, with a new key file."""
    (directory / "cloudfront.pem").write_bytes(pem(ec_key()))
    (directory / "cloudfront.pem").chmod(0o600)
    keys = [{"id": KEY_ID, "private_key_file": str(directory / "cloudfront.pem")}]
    return {"url": ORIGIN, "distribution": DISTRIBUTION, "keys": keys, **changes}


def decoded(text: str) -> bytes:
    """Decode CloudFront's own base64."""
    return b64decode(text.translate(str.maketrans("-_~", "+=/")), validate=True)


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, strict_parsing=True))


def statement_of(cookies: Mapping[str, str]) -> tuple[str, int]:
    """Return the resource of the cookies' policy, and when it ends."""
    [statement] = json.loads(decoded(cookies["CloudFront-Policy"]))["Statement"]
    return statement["Resource"], statement["Condition"]["DateLessThan"]["AWS:EpochTime"]
