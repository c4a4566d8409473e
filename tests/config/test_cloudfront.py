"""The settings of a bucket that CloudFront delivers."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from service.app import builders
from service.app.settings import Settings, watched_files
from service.config.messages import describe
from service.errors import ConfigurationError
from tests.support.app import make_app_settings, make_open_grant
from tests.support.cloudfront import (
    DISTRIBUTION,
    KEY_ID,
    ORIGIN,
    ec_key,
    pem,
    rsa_key,
    settings_with_cloudfront,
)
from tests.support.factories import ADDRESS

ROLE = "arn:aws:iam::111122223333:role/presign"


def settings(*sections: dict[str, Any] | None, **bucket: Any) -> Settings:
    buckets = {
        f"media{i}": {"region": "eu-west-1", "role_arn": ROLE, "cloudfront": section, **bucket}
        for i, section in enumerate(sections)
    }
    return make_app_settings(make_open_grant(), buckets=buckets)


def refusal(*sections: dict[str, Any] | None, **bucket: Any) -> list[str]:
    with pytest.raises(ValidationError) as refused:
        settings(*sections, **bucket)
    return [
        f"{'.'.join(map(str, error['loc']))}: {describe(error, Settings)}"
        for error in refused.value.errors()
    ]


def test_a_bucket_is_delivered_by_its_first_key(tmp_path: Path) -> None:
    section = settings_with_cloudfront(tmp_path)
    (tmp_path / "next.pem").write_bytes(pem(rsa_key()))
    second = {"id": "K3NEXT", "private_key_file": str(tmp_path / "next.pem")}
    loaded = settings({**section, "keys": [second, *section["keys"]]})
    delivery = builders.deliveries(loaded)["media0"]
    assert delivery.signer.key_pair_id == "K3NEXT"
    assert delivery.signer.private_key.private_numbers() == rsa_key().private_numbers()
    assert delivery.origin == ORIGIN
    watched = watched_files(loaded)
    assert {tmp_path / "next.pem", tmp_path / "cloudfront.pem"} <= {*watched}


def test_a_new_key_in_the_same_file_signs(tmp_path: Path) -> None:
    loaded = settings(settings_with_cloudfront(tmp_path))
    (tmp_path / "cloudfront.pem").write_bytes(pem(rsa_key()))
    signer = builders.deliveries(loaded)["media0"].signer
    assert signer.private_key.private_numbers() == rsa_key().private_numbers()


def test_a_key_that_vanishes_is_an_error_of_the_configuration(tmp_path: Path) -> None:
    loaded = settings(settings_with_cloudfront(tmp_path))
    (tmp_path / "cloudfront.pem").unlink()
    with pytest.raises(ConfigurationError) as refused:
        builders.snapshot(loaded, dict.fromkeys(loaded.buckets, ADDRESS), lambda: 0.0)
    [problem] = refused.value.problems
    assert problem.path == "buckets.media0.cloudfront.keys.0.private_key_file"


@pytest.mark.parametrize(
    ("change", "at", "says"),
    [
        ({"url": "http://d1.cloudfront.net"}, "url", "write an https URL"),
        ({"url": "https://d1.cloudfront.net/"}, "url", "without a path"),
        ({"url": "https://d1.cloudfront.net/media"}, "url", "without a path"),
        ({"url": "https://d1.cloudfront.net?a=b"}, "url", "without query or user"),
        ({"url": "https://user@d1.cloudfront.net"}, "url", "without query or user"),
        ({"url": "https://D1.cloudfront.net"}, "url", "in lower case"),
        ({"url": "https://d1.cloudfront.net:443"}, "url", "without a default port"),
        ({"url": "https://*.cloudfront.net"}, "url", "write a URL such as"),
        ({"distribution": "EDFDVBD6EXAMPLE"}, "distribution", "write the ARN of the distribution"),
        (
            {"distribution": DISTRIBUTION.replace("cloudfront::", "s3::")},
            "distribution",
            "write the ARN",
        ),
        ({"keys": []}, "keys", "is empty"),
        ({"deliver": []}, "deliver", "is empty"),
        ({"deliver": ["uploads"]}, "deliver.0", "did you mean downloads?"),
        ({"networks": []}, "networks", "unknown setting"),
    ],
    ids=str,
)
def test_a_mistake_is_refused_with_what_to_write(
    tmp_path: Path, change: dict[str, Any], at: str, says: str
) -> None:
    problem = refusal(settings_with_cloudfront(tmp_path) | change)[0]
    assert problem.startswith(f"buckets.media0.cloudfront.{at}: ")
    assert says in problem


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"no key", "write the path of a readable file"),
        (b"\0" * 20_000, "write the path of a readable file"),
        (pem(ec_key(), passphrase=b"passphrase"), "the key is encrypted"),
        (pem(rsa_key(1024)), "2048 bits"),
    ],
    ids=["text", "long", "encrypted", "rsa-1024"],
)
def test_a_wrong_key_is_refused_without_its_path_or_content(
    tmp_path: Path, content: bytes, says: str
) -> None:
    section = settings_with_cloudfront(tmp_path)
    (tmp_path / "cloudfront.pem").write_bytes(content)
    problem = " ".join(refusal(section))
    assert says in problem
    assert str(tmp_path) not in problem


def test_an_id_is_not_in_the_form_of_a_path(tmp_path: Path) -> None:
    section = settings_with_cloudfront(tmp_path)
    section["keys"][0]["id"] = "../K1"
    assert "write CloudFront's id of the public key" in " ".join(refusal(section))


def test_two_keys_have_two_ids(tmp_path: Path) -> None:
    section = settings_with_cloudfront(tmp_path)
    problem = " ".join(refusal({**section, "keys": section["keys"] * 2}))
    assert f'cloudfront.keys.1.id: another key has the id "{KEY_ID}" too' in problem


def test_two_buckets_cannot_share_a_distribution(tmp_path: Path) -> None:
    """A grant on one would open the other."""
    section = settings_with_cloudfront(tmp_path)
    [problem] = refusal(section, section)
    assert problem.startswith("buckets.media1.cloudfront.distribution: ")
    assert "each bucket needs a distribution" in problem
    [problem] = refusal(section, {**section, "url": "https://media.example.com"})
    assert problem.startswith("buckets.media1.cloudfront.distribution: ")
    other = section["distribution"][:-1] + "X"
    [problem] = refusal(section, {**section, "distribution": other})
    assert problem.startswith("buckets.media1.cloudfront.url: ")
    assert settings(section, section, bucket="acme-media").buckets  # two names of one bucket


def test_http_is_for_loopback(tmp_path: Path) -> None:
    section = settings_with_cloudfront(tmp_path, url="http://127.0.0.1:8080")
    assert settings(section).buckets["media0"].cloudfront is not None
