"""The double of CloudFront accepts what botocore signs, and AWS's rules decide what it refuses."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest
from botocore.signers import CloudFrontSigner as BotocoreSigner
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from service.signing.cloudfront import CloudFrontContext, CloudFrontSigner, PrivateKey, folder_url
from tests.support.cloudfront import KEY_ID, ORIGIN, decoded, ec_key, rsa_key
from tests.support.cloudfront_double import Distribution, Refused

NOW = 1_800_000_000
END = NOW + 60
KEYS: Mapping[str, Callable[[], PrivateKey]] = {"rsa": rsa_key, "p-256": ec_key}
TARGET = "/films/a%20b.ts"


def distribution(kind: str = "p-256", now: float = NOW) -> Distribution:
    keys = {KEY_ID: KEYS[kind]().public_key(), "K3OTHER": ec_key().public_key()}
    return Distribution(origin=ORIGIN, keys=keys, now=lambda: now)


def by_botocore(kind: str, *, sha1: bool) -> BotocoreSigner:
    algorithm = SHA1() if sha1 else SHA256()

    def sign(message: bytes) -> bytes:
        if kind == "rsa":
            return rsa_key().sign(message, PKCS1v15(), algorithm)
        return ec_key().sign(message, ECDSA(algorithm))

    return BotocoreSigner(KEY_ID, sign)


def ours(kind: str = "p-256", query: str = "") -> str:
    signer = CloudFrontSigner(KEY_ID, KEYS[kind]())
    context = CloudFrontContext(signer=signer, origin=ORIGIN, expires_at=END, query=query)
    return context.url("films/a b.ts").removeprefix(ORIGIN)


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("sha1", [True, False])
def test_botocores_urls_are_accepted(kind: str, *, sha1: bool) -> None:
    end = datetime.fromtimestamp(END, UTC)
    signer = by_botocore(kind, sha1=sha1)
    canned = signer.generate_presigned_url(ORIGIN + TARGET, date_less_than=end)
    policy = signer.build_policy(f"{ORIGIN}/films/*", end, datetime.fromtimestamp(NOW, UTC))
    custom = signer.generate_presigned_url(ORIGIN + TARGET, policy=policy)
    for url in (canned, custom):
        target = url.removeprefix(ORIGIN) + ("" if sha1 else "&Hash-Algorithm=SHA256")
        assert distribution(kind).admit(target, {}) == TARGET


@pytest.mark.parametrize("kind", KEYS)
def test_our_urls_and_cookies_are_accepted(kind: str) -> None:
    assert distribution(kind).admit(ours(kind), {}) == TARGET
    assert distribution(kind).admit(ours(kind, "a=b"), {}) == f"{TARGET}?a=b"
    pattern = f"{folder_url(ORIGIN, 'films/')}*"
    cookies = CloudFrontSigner(KEY_ID, KEYS[kind]()).cookies(pattern, expires_at=END)
    assert distribution(kind).admit(TARGET, cookies) == TARGET


def longer(target: str) -> str:
    return target.replace(f"Expires={END}", f"Expires={END + 1}")


def flipped(target: str) -> str:
    at = target.index("Signature=") + 30
    return f"{target[:at]}{'A' if target[at] != 'A' else 'B'}{target[at + 1 :]}"


MUTATIONS: Mapping[str, Callable[[str], str]] = {
    "another key": lambda t: t.replace("a%20b.ts", "a%20c.ts"),
    "a neighbour": lambda t: t.replace("a%20b.ts", "a%20b.ts2"),
    "another case": lambda t: t.replace("films", "Films"),
    "another encoding": lambda t: t.replace("films", "film%73"),
    "a plus for a space": lambda t: t.replace("a%20b", "a+b"),
    "a second slash": lambda t: t.replace("/films/", "//films/"),
    "a dot segment": lambda t: t.replace("/films/", "/films/../films/"),
    "a later end": longer,
    "an end that is no number": lambda t: t.replace("Expires=", "Expires=+"),
    "a second end": lambda t: f"{t}&Expires={END + 1}",
    "no end": lambda t: t.replace(f"Expires={END}&", ""),
    "a parameter more": lambda t: t.replace("?", "?versionId=v&"),
    "a parameter after": lambda t: f"{t}&response-content-type=text/html",
    "another signature": flipped,
    "no signature": lambda t: t.replace("Signature=", "Signature2="),
    "another key's id": lambda t: t.replace(KEY_ID, "K3OTHER"),
    "an unknown key": lambda t: t.replace(KEY_ID, "K4"),
    "no key": lambda t: t.replace(f"&Key-Pair-Id={KEY_ID}", ""),
    "another hash": lambda t: t.replace("SHA256", "SHA1"),
    "no hash": lambda t: t.replace("&Hash-Algorithm=SHA256", ""),
    "a policy of their own": lambda t: t.replace("Expires=", "Policy="),
    "nothing": lambda t: t.partition("?")[0],
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_changed_url_is_refused(name: str) -> None:
    changed = MUTATIONS[name](ours("rsa"))
    assert changed != ours("rsa")
    with pytest.raises(Refused):
        distribution("rsa").admit(changed, {})


def test_a_url_ends_in_its_last_second() -> None:
    assert distribution(now=END - 1).admit(ours(), {}) == TARGET
    with pytest.raises(Refused):
        distribution(now=END).admit(ours(), {})


@pytest.mark.parametrize(
    ("prefix", "target"),
    [
        ("films/", "/film/a.ts"),
        ("films/", "/films2/a.ts"),
        ("films/", "/Films/a.ts"),
        ("films/", "//films/a.ts"),
        ("fi*s/", "/films/a.ts"),
        ("film?/", "/films/a.ts"),
        ("a(b)/", "/a(b)/c"),  # our encoding is another: the page says so
    ],
)
def test_cookies_of_a_prefix_open_nothing_else(prefix: str, target: str) -> None:
    pattern = f"{folder_url(ORIGIN, prefix)}*"
    cookies = CloudFrontSigner(KEY_ID, ec_key()).cookies(pattern, expires_at=END)
    own = f"{folder_url('', prefix)}x"
    assert distribution().admit(own, cookies) == own
    with pytest.raises(Refused):
        distribution().admit(target, cookies)


@pytest.mark.parametrize("name", ["Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"])
def test_changed_cookies_are_refused(name: str) -> None:
    pattern = f"{folder_url(ORIGIN, 'films/')}*"
    cookies = CloudFrontSigner(KEY_ID, rsa_key()).cookies(pattern, expires_at=END)
    wider = CloudFrontSigner("K3OTHER", ec_key()).cookies(f"{ORIGIN}/*", expires_at=END + 1)
    wider["CloudFront-Hash-Algorithm"] = "SHA1"
    changed = {**cookies, f"CloudFront-{name}": wider[f"CloudFront-{name}"]}
    assert decoded(cookies["CloudFront-Policy"]) != decoded(wider["CloudFront-Policy"])
    with pytest.raises(Refused):
        distribution("rsa").admit(TARGET, changed)
