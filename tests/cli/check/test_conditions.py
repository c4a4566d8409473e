"""`presign check`: what it says of grants with conditions."""

import json
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from service.cli.main import main
from tests.cli.invoking import DIGEST, checked

ROLE: Final = "arn:aws:iam::111122223333:role/presign"
AWS: Final = f"  reports: {{region: eu-west-1, role_arn: '{ROLE}', session_seconds: 4h}}\n"
STORE: Final = AWS.replace(
    "}", ", endpoint_url: 'https://s.test', sts_endpoint_url: 'https://s.test'}"
)
NETWORKS: Final = "networks: [203.0.113.0/24]"
ENDPOINTS: Final = "vpc_endpoints: [vpce-01234567]"
TAGGED: Final = "only_if_tagged: {Scan: ok}"


def grant(allow: str, condition: str = "", prefix: str = "a/") -> str:
    more = f", {condition}" if condition else ""
    return f"{{bucket: reports, prefix: {prefix!r}, allow: [{allow}], max_expires_in: 60{more}}}"


def configured(*grants: str, buckets: str = AWS) -> str:
    own = ", ".join(grants)
    return f"buckets:\n{buckets}callers:\n  - {{api_key: a, sha256: [{DIGEST}], grants: [{own}]}}\n"


def lines(directory: Path, *grants: str, buckets: str = AWS, code: int = 0) -> list[str]:
    done = checked(directory, configured(*grants, buckets=buckets))
    assert done.exit_code == code, done.output
    return done.output.splitlines()


def warnings(directory: Path, *grants: str, buckets: str = AWS) -> list[str]:
    found = lines(directory, *grants, buckets=buckets)
    return [line.partition("grants.")[2] for line in found if line.startswith("warning: ")]


def test_each_grant_says_from_where_and_what_is_read(tmp_path: Path) -> None:
    found = lines(tmp_path, grant("download", f"{NETWORKS}, {ENDPOINTS}, {TAGGED}"))
    expected = (
        "API key a may download a/… in reports, URLs up to 1 min, only from 203.0.113.0/24 or VPC "
        "endpoint vpce-01234567, only if tagged Scan=ok"
    )
    assert expected in found


def test_the_longest_policy_is_told_where_there_are_conditions(tmp_path: Path) -> None:
    told = "API key a: the longest of its session policies for bucket reports needs "
    short, long = (
        [line for line in lines(tmp_path, grant("download", each)) if line.startswith(told)]
        for each in (NETWORKS, f"{NETWORKS}, {TAGGED}")
    )
    assert short < long
    assert short[0].endswith(" of 2,048 characters")
    assert not any(line.startswith(told) for line in lines(tmp_path, grant("download")))


def test_a_policy_with_too_many_networks_is_an_error(tmp_path: Path) -> None:
    networks = ", ".join(f"203.0.{each}.0/24" for each in range(120))
    found = lines(tmp_path, grant("download", f"networks: [{networks}]"), code=1)
    assert any("its session policy under only from" in line for line in found)
    assert any("but STS accepts 2048 at most" in line for line in found)


def test_each_set_of_conditions_counts_as_calls_of_sts(tmp_path: Path) -> None:
    sets = [grant("download", NETWORKS), grant("head", TAGGED), grant("upload", prefix="b/")]
    [calls] = [line for line in lines(tmp_path, *sets) if "STS calls a day" in line]
    assert "; up to 3 times as many for one whose grants have 3 sets of conditions" in calls
    for same in ([sets[0]], [sets[0], grant("head", NETWORKS)]):
        [calls] = [line for line in lines(tmp_path, *same) if "STS calls a day" in line]
        assert "times as many" not in calls


@pytest.mark.parametrize(
    "private",
    ["10.1.0.0/16", "172.31.0.0/16", "192.168.4.0/24", "100.64.0.0/16", "fd00::/8", "127.0.0.1/32"],
)
def test_a_private_network_is_none_that_aws_sees(tmp_path: Path, private: str) -> None:
    networks = f"networks: [203.0.113.0/24, '{private}']"
    [found] = warnings(tmp_path, grant("download", networks))
    assert "0.networks: AWS sees public addresses only" in found
    assert private in found
    elsewhere = warnings(tmp_path, grant("download", networks), buckets=STORE)
    assert elsewhere == []


@pytest.mark.parametrize("public", ["203.0.113.0/24", "2001:db8::/32", "8.0.0.0/6", "172.0.0.0/8"])
def test_another_network_is_no_private_one(tmp_path: Path, public: str) -> None:
    assert warnings(tmp_path, grant("download", f"networks: ['{public}']")) == []


def test_the_services_own_calls_come_from_its_own_address(tmp_path: Path) -> None:
    own = "the service itself sends requests for {}, so its own address must be among these"
    [found] = warnings(tmp_path, grant("download, list, check, multipart", NETWORKS))
    assert found == f"0.networks: {own.format('list and check and multipart')}"
    [found] = warnings(tmp_path, grant("list", ENDPOINTS))
    assert found == f"0.vpc_endpoints: {own.format('list')}"
    assert warnings(tmp_path, grant("download, list", TAGGED)) == []


def test_an_uploader_elsewhere_may_set_the_tag(tmp_path: Path) -> None:
    sets = [grant("upload", prefix="b/"), grant("download", TAGGED)]
    [found] = warnings(tmp_path, *sets, buckets=STORE)
    assert "lets the holder of an upload URL set the tag: see docs/conditions.md" in found
    assert warnings(tmp_path, *sets) == []


def test_a_grant_without_a_condition_undoes_another(tmp_path: Path) -> None:
    undone = (grant("download, head", NETWORKS), grant("head", prefix=""))
    [found, _] = warnings(tmp_path, *undone)
    assert found.startswith("0.networks: has no effect on head, because callers.0.grants.1 (")
    assert found.endswith(
        ") has no condition; give that one the condition, or leave head out of it"
    )
    for others in (grant("upload"), grant("head", prefix="b/")):
        assert warnings(tmp_path, undone[0], others) == []


def test_a_grant_without_a_tag_undoes_that_of_another(tmp_path: Path) -> None:
    undone = (grant("download", f"{NETWORKS}, {TAGGED}"), grant("download", NETWORKS, prefix=""))
    [found, _] = warnings(tmp_path, *undone)
    assert found.startswith("0.only_if_tagged: has no effect on download, because callers.0")
    assert found.endswith(
        ") reads what has no tag; give that one the tag, or leave download out of it"
    )


def test_the_first_of_two_grants_undoes_the_conditions_of_the_second(tmp_path: Path) -> None:
    first = grant("download, head, credentials", "networks: [203.0.113.0/24, 198.51.100.0/24]")
    second = grant("download, credentials", NETWORKS)
    [found] = warnings(tmp_path, first, second)
    assert found.startswith("1.networks: has no effect on download, because callers.0.grants.0 (")
    assert found.endswith(
        ") comes first, with other conditions; write one grant with both, or leave download out "
        "of one"
    )
    [found] = warnings(tmp_path, second, first)
    assert found.startswith("1.networks: has no effect on download, because callers.0.grants.0 (")


def test_grants_with_equal_conditions_undo_none(tmp_path: Path) -> None:
    networks = ("198.51.100.0/24, 203.0.113.0/24", "203.0.113.0/24, 198.51.100.0/24")
    both = [grant("download", f"networks: [{each}]") for each in networks]
    assert warnings(tmp_path, *both) == []
    narrower = grant("download", ENDPOINTS, prefix="a/b/")
    assert warnings(tmp_path, narrower, both[0]) == []


def test_a_grant_that_decides_alone_keeps_its_limits(tmp_path: Path) -> None:
    """About an upload in parts: those of other conditions decide nothing there."""
    pictures = "content_types: [image/png]"
    own, other = grant("upload, multipart", pictures), grant("upload, multipart", NETWORKS)
    undone = [line for line in warnings(tmp_path, own, other) if "content_types" in line]
    assert [line.partition(",")[0] for line in undone] == [
        "0.content_types: has no effect on upload"
    ]


@pytest.mark.parametrize(
    ("allow", "more", "credentials", "place", "is_refused"),
    [
        ("multipart", "content_types: [image/png]", "upload, credentials", NETWORKS, True),
        ("multipart", "max_content_length: 9", "multipart, credentials", ENDPOINTS, True),
        ("multipart", "", "upload, credentials, allow_overwrite", NETWORKS, True),
        ("multipart", "", "upload, credentials", NETWORKS, False),
        ("multipart", "max_content_length: 9", "upload, credentials", "", False),
        ("multipart", "max_content_length: 9", "download, credentials", NETWORKS, False),
        ("multipart", "max_content_length: 9", "upload", NETWORKS, False),
        ("upload", "max_content_length: 9", "upload, credentials", NETWORKS, False),
        ("multipart", f"max_content_length: 9, {NETWORKS}", "upload, credentials", NETWORKS, False),
        ("multipart", f"allow_overwrite: true, {NETWORKS}", "upload, credentials", "", True),
        ("multipart", f"allow_overwrite: true, {NETWORKS}", "upload, credentials", ENDPOINTS, True),
        ("multipart", f"allow_overwrite: true, {NETWORKS}", "upload, credentials", NETWORKS, False),
        ("multipart", "allow_overwrite: true", "upload, credentials", NETWORKS, False),
    ],
)
def test_an_upload_that_credentials_stop_is_told(
    tmp_path: Path, allow: str, more: str, credentials: str, place: str, *, is_refused: bool
) -> None:
    operations = credentials.removesuffix(", allow_overwrite")
    if operations != credentials:
        place = f"{place}, allow_overwrite: true"
    own, program = grant(allow, more, prefix="a/b/"), grant(operations, place)
    for grants in ([own, program], [program, own]):
        told = [line for line in warnings(tmp_path, *grants) if "multipart is refused" in line]
        assert len(told) == is_refused
    assert not any("multipart is refused" in each for each in warnings(tmp_path, own))


def test_a_condition_of_what_signs_nothing_has_no_effect(tmp_path: Path) -> None:
    found = warnings(tmp_path, grant("notify", NETWORKS))
    assert "0.networks: has no effect, since nothing is signed" in found


def test_json_has_the_conditions_as_callers_read_them(tmp_path: Path) -> None:
    path = tmp_path / "presign.yaml"
    path.write_text(configured(grant("download", f"{NETWORKS}, {TAGGED}")))
    done = CliRunner().invoke(main, ["check", "--json", str(path)])
    [caller] = json.loads(done.output)["callers"]
    [own] = caller["grants"]
    assert own["networks"] == ["203.0.113.0/24"]
    assert own["only_if_tagged"] == {"Scan": "ok"}
    assert "vpc_endpoints" not in own
