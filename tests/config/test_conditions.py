"""Conditions of grants that are wrong, or that nobody would keep: each is an error with its remedy."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from service.app import builders
from service.app.settings import load_settings
from service.errors import ConfigurationError
from tests.config.mistakes import BUCKETS, DIGEST, ROLE
from tests.support.cloudfront import settings_with_cloudfront

CALLER: Final = f"callers:\n- api_key: a\n  sha256: [{DIGEST}]\n  grants:\n"
AT: Final = "callers.0.grants.0"
TAGGED: Final = "only_if_tagged: {Scan: ok}"
DOWNLOAD: Final = "allow: [download]"
STORE: Final = BUCKETS.rstrip() + "\n    endpoint_url: https://store.example\n"
NETWORK: Final = "write a network such as 203.0.113.0/24 or 2001:db8::/32"
NO_ALL: Final = "these are all addresses; leave it out, or name those that you mean"
TAG_NAME: Final = (
    "write at most 128 letters, digits, ` ` and `_.:/=+-@`; names with aws: are AWS's own"
)
TAG_VALUE: Final = "write 1 to 256 letters, digits, ` ` and `_.:/=+-@`"


def problems(directory: Path, *grants: str, buckets: str = BUCKETS) -> dict[str, str]:
    """Return the errors of a configuration by their places."""
    path = directory / "presign.yaml"
    written = "".join(f"  - {{bucket: reports, prefix: a/, {each}}}\n" for each in grants)
    path.write_text(f"{buckets}{CALLER}{written}")
    try:
        load_settings(path)
    except ConfigurationError as error:
        return {each.path: each.message.partition(" (found ")[0] for each in error.problems}
    return {}


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ("203.0.113.7/24", "the address has bits beyond the length; write 203.0.113.0/24"),
        ("'2001:db8::1/32'", "the address has bits beyond the length; write 2001:db8::/32"),
        ("203.0.113.7", f"{NETWORK}; one address has the length 32, or 128 for IPv6"),
        ("0.0.0.0/0", NO_ALL),
        ("203.0.113.7/0", NO_ALL),
        ("'::/0'", NO_ALL),
        ("203.0.113.0/33", NETWORK),
        ("203.0.113.0/255.255.255.0", NETWORK),
        ("203.0.113.0/-1", NETWORK),
        ("203.0.113.0/ 24", NETWORK),
        ("203.0.113/24", NETWORK),
        ("'fe80::%eth0/64'", NETWORK),
        ("'::ffff:203.0.113.0/120'", "such an address is seen as IPv4; write its IPv4 network"),
        ("office/24", NETWORK),
        ("'*'", f"{NETWORK}; one address has the length 32, or 128 for IPv6"),
        ("/24", NETWORK),
    ],
)
def test_a_wrong_network_says_what_to_write(tmp_path: Path, network: str, message: str) -> None:
    found = problems(tmp_path, f"{DOWNLOAD}, networks: [198.51.100.0/24, {network}]")
    assert found == {f"{AT}.networks.1": message}


@pytest.mark.parametrize(
    "network", ["203.0.113.7/32", "'2001:DB8:0::/48'", "0.0.0.0/1", "'2001:db8::1/128'"]
)
def test_other_networks_are_taken(tmp_path: Path, network: str) -> None:
    assert problems(tmp_path, f"{DOWNLOAD}, networks: [{network}]") == {}


def test_sixteen_networks_are_taken(tmp_path: Path) -> None:
    networks = ", ".join(f"203.0.{each}.0/24" for each in range(16))
    assert problems(tmp_path, f"{DOWNLOAD}, networks: [{networks}]") == {}


@pytest.mark.parametrize(
    "endpoint", ["vpce-0123456", "vpce-0123456789ABCDEF0", "vpc-01234567", "vpce-*", "''"]
)
def test_a_wrong_endpoint_says_what_to_write(tmp_path: Path, endpoint: str) -> None:
    found = problems(tmp_path, f"{DOWNLOAD}, vpc_endpoints: [{endpoint}]")
    expected = "write the id of a VPC endpoint: vpce- and 8 or 17 hex digits"
    assert found == {f"{AT}.vpc_endpoints.0": expected}


@pytest.mark.parametrize("endpoint", ["vpce-01234567", "vpce-0123456789abcdef0"])
def test_both_lengths_of_endpoints_are_taken(tmp_path: Path, endpoint: str) -> None:
    assert problems(tmp_path, f"{DOWNLOAD}, vpc_endpoints: [{endpoint}]") == {}


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("'Sc*n': ok", TAG_NAME),
        ("'Scan?': ok", TAG_NAME),
        ("'${x}': ok", TAG_NAME),
        ("'aws:scan': ok", TAG_NAME),
        ("'AWS:scan': ok", TAG_NAME),
        (f"{'n' * 129}: ok", TAG_NAME),
        ("'': ok", TAG_NAME),
        ("Scan: 'o*'", TAG_VALUE),
        ("Scan: '?'", TAG_VALUE),
        ("Scan: '$ok'", TAG_VALUE),
        ("Scan: ''", TAG_VALUE),
        (f"Scan: {'v' * 257}", TAG_VALUE),
    ],
)
def test_a_tag_that_s3_would_not_take_is_an_error(tmp_path: Path, tag: str, message: str) -> None:
    [(place, text)] = problems(tmp_path, f"{DOWNLOAD}, only_if_tagged: {{{tag}}}").items()
    assert place.startswith(f"{AT}.only_if_tagged")
    assert text == message


@pytest.mark.parametrize("condition", ["networks: []", "vpc_endpoints: []", "only_if_tagged: {}"])
def test_an_empty_condition_is_an_error(tmp_path: Path, condition: str) -> None:
    [(place, _)] = problems(tmp_path, f"{DOWNLOAD}, {condition}").items()
    assert place == f"{AT}.{condition.partition(':')[0]}"


@pytest.mark.parametrize("name", ["networks", "vpc_endpoints", "only_if_tagged"])
def test_a_condition_without_a_value_is_no_missing_one(tmp_path: Path, name: str) -> None:
    """Else everybody could read what looks limited."""
    found = problems(tmp_path, f"{DOWNLOAD}, {name}: ")
    assert found == {AT: f"{name} has no value; write one, or remove the line"}


@pytest.mark.parametrize("spelling", ["scan", "SCAN"])
def test_one_name_in_two_spellings_is_an_error(tmp_path: Path, spelling: str) -> None:
    tags = f"only_if_tagged: {{Scan: ok, {spelling}: bad}}"
    text = "has one name in two spellings, which IAM takes as one; leave out one of them"
    assert problems(tmp_path, f"{DOWNLOAD}, {tags}") == {f"{AT}.only_if_tagged": text}


@pytest.mark.parametrize("operation", ["upload", "form", "multipart", "delete", "check", "notify"])
def test_only_what_reads_goes_with_tags(tmp_path: Path, operation: str) -> None:
    [(place, text)] = problems(tmp_path, f"allow: [download, {operation}], {TAGGED}").items()
    assert place == f"{AT}.only_if_tagged"
    assert text.startswith(f"does not go with {operation}: ")


WITHOUT_POLICY: Final = (
    "nobody would keep it with credentials: {}, which have no session policy; use assume_role or "
    "web_identity, or leave it out"
)
R2: Final = (
    f"{{region: auto, endpoint_url: 'https://{'f' * 32}.r2.cloudflarestorage.com', "
    "credentials: r2, access_key_id_file: id, secret_access_key_file: secret}"
)
READING: Final = "allow: [download, head, list, versions, link, credentials, sign]"


def test_what_reads_goes_with_tags(tmp_path: Path) -> None:
    assert problems(tmp_path, f"{READING}, {TAGGED}") == {}


CONDITIONS: Final = {
    "networks": "networks: [203.0.113.0/24]",
    "vpc_endpoints": "vpc_endpoints: [vpce-01234567]",
    "only_if_tagged": TAGGED,
}


@pytest.mark.parametrize("name", CONDITIONS)
@pytest.mark.parametrize(
    ("buckets", "message"),
    [
        (
            "buckets:\n  reports: {region: eu-west-1, credentials: static}\n",
            WITHOUT_POLICY.format("static"),
        ),
        (f"buckets:\n  reports: {R2}\n", WITHOUT_POLICY.format("r2")),
        (
            f"buckets:\n  reports: {{region: eu-west-1, role_arn: '{ROLE}', scoped_sessions: false}}\n",
            "nobody would keep it without scoped_sessions; turn them on, or leave it out",
        ),
    ],
)
def test_what_no_session_policy_has_nobody_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, buckets: str, message: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)  # where the files of the keys are
    (tmp_path / "id").write_text("f" * 32)
    (tmp_path / "secret").write_text("f" * 64)
    found = problems(tmp_path, f"{DOWNLOAD}, {CONDITIONS[name]}", buckets=buckets)
    assert found == {f"{AT}.{name}": message}


def test_only_aws_has_vpc_endpoints(tmp_path: Path) -> None:
    for name, condition in CONDITIONS.items():
        found = problems(tmp_path, f"{DOWNLOAD}, {condition}", buckets=STORE)
        text = "only AWS has VPC endpoints; leave it out, or write networks"
        assert found == ({f"{AT}.{name}": text} if name == "vpc_endpoints" else {})


@pytest.mark.parametrize("name", CONDITIONS)
def test_cloudfront_keeps_no_condition(tmp_path: Path, name: str, cloudfront_bucket: str) -> None:
    for allow in ("download", "link, head"):
        grant = f"allow: [{allow}], {CONDITIONS[name]}"
        [(place, text)] = problems(tmp_path, grant, buckets=cloudfront_bucket).items()
        assert place == f"{AT}.{name}"
        assert text.startswith("nobody would keep it where CloudFront delivers")
    head = f"allow: [head, list], {CONDITIONS[name]}"
    assert problems(tmp_path, head, buckets=cloudfront_bucket) == {}


@pytest.fixture(name="cloudfront_bucket")
def _cloudfront_bucket(tmp_path: Path) -> str:
    section = json.dumps(settings_with_cloudfront(tmp_path))
    return f"{BUCKETS.rstrip()}\n    cloudfront: {section}\n"


def test_credentials_for_uploads_elsewhere_are_an_error_once_a_tag_is_read(tmp_path: Path) -> None:
    uploads = "allow: [upload, credentials]"
    tagged = f"{DOWNLOAD}, {TAGGED}"
    assert problems(tmp_path, uploads, buckets=STORE) == {}
    assert problems(tmp_path, "allow: [download, credentials]", tagged, buckets=STORE) == {}
    assert problems(tmp_path, uploads, tagged) == {}
    [(place, text)] = problems(tmp_path, uploads, tagged, buckets=STORE).items()
    assert place == f"{AT}.allow"
    assert "programs with credentials for uploads can set each tag at this store" in text


def grants_of(directory: Path, *grants: str) -> list[Any]:
    assert problems(directory, *grants) == {}
    [entry] = builders.caller_entries(load_settings(directory / "presign.yaml"))
    return [each.conditions for each in entry.grants]


def test_equal_conditions_are_one_value_however_they_are_written(tmp_path: Path) -> None:
    one, other, none = grants_of(
        tmp_path,
        f"{DOWNLOAD}, networks: ['2001:DB8::/32', 203.0.113.0/24], only_if_tagged: {{b: x, a: y}}",
        f"{DOWNLOAD}, networks: [203.0.113.0/24, 203.0.113.0/24, '2001:db8:0::/32'], "
        "only_if_tagged: {a: y, b: x}",
        DOWNLOAD,
    )
    assert one == other
    assert one.networks == ("2001:db8::/32", "203.0.113.0/24")
    assert one.only_if_tagged == (("a", "y"), ("b", "x"))
    assert none is None
