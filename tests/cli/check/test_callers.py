"""`presign check`: the verdict first, then the warnings, then who may do what."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from service.auth.api_keys import digest_of
from service.cli.check.callers import together
from service.cli.main import main
from service.protocols.quantities import duration, size
from tests.cli.invoking import rights_by_caller

BUCKET: Final = {"region": "eu-west-1", "role_arn": "arn:aws:iam::111122223333:role/presign"}
ISSUER: Final = {"issuer": "https://i.example", "audience": "p", "jwks_url": "https://i.example/k"}
PROTOCOLS: Final[dict[str, Any]] = {
    "package_index": {"wheels": {"bucket": "reports", "prefix": "pypi/"}},
    "git_lfs": {"repositories": {"design": {"bucket": "reports", "prefix": "lfs/"}}},
    "mlflow": {"roots": {"team": {"bucket": "reports", "prefix": "mlflow/"}}},
    "uppy": {"bucket": "reports", "prefix": "uploads/{caller}/"},
}


def grant(prefix: str, *allow: str, **limits: Any) -> dict[str, Any]:
    return {"bucket": "reports", "prefix": prefix, "allow": allow, "max_expires_in": 900, **limits}


def of_key(name: str, *grants: dict[str, Any]) -> dict[str, Any]:
    return {"api_key": name, "sha256": [digest_of(name)], "grants": list(grants)}


def of_issuer(subject: str, *grants: dict[str, Any]) -> dict[str, Any]:
    return {"issuer": "people", "subject": subject, "grants": list(grants)}


def document(*callers: dict[str, Any], **sections: Any) -> dict[str, Any]:
    return {
        "buckets": {"reports": BUCKET},
        "issuers": {"people": ISSUER},
        "callers": list(callers),
        **sections,
    }


def check(directory: Path, configuration: dict[str, Any], *options: str) -> Result:
    path = directory / "presign.yaml"
    path.write_text(json.dumps(configuration, indent=1))
    return CliRunner().invoke(main, ["check", str(path), *options])


def lines(directory: Path, configuration: dict[str, Any], *options: str) -> list[str]:
    done = check(directory, configuration, *options)
    assert done.exit_code == 0, done.output
    return done.output.replace(str(directory / "presign.yaml"), "FILE").splitlines()


def test_the_verdict_comes_first_and_then_the_warnings(tmp_path: Path) -> None:
    risky = document(of_key("a", grant("a/", "list")), of_key("b", grant("", "list")))
    first, second, *others = lines(tmp_path, risky)
    assert first == "FILE is valid, with 1 warning: 1 bucket, 2 callers"
    assert second.endswith("callers.1.grants.0: covers the whole bucket reports")
    assert not any("warning" in line for line in others)
    assert others[-2].startswith("API key a may list a/… in reports")
    safe = document(of_key("a", grant("a/", "list")))
    assert lines(tmp_path, safe)[0] == "FILE is valid: 1 bucket, 1 caller"


def test_the_verdict_counts_errors(tmp_path: Path) -> None:
    long = [grant(f"{'x' * 100}-{n}/", "list") for n in range(20)]
    done = check(tmp_path, document(of_key("a", *long)))
    assert done.exit_code == 1
    assert "presign.yaml has 1 error: 1 bucket, 1 caller\n" in done.output


def test_nobody_is_said_to_do_nothing_with_a_protocol(tmp_path: Path) -> None:
    callers = [
        of_key("pull", grant("lfs/", "check", "download")),
        of_key("out", grant("x/", "head")),
    ]
    configuration = document(*callers, **PROTOCOLS)
    assert rights_by_caller(configuration) == {
        "API key pull": ["download", "check", "pull"],
        "API key out": ["head"],
    }
    said = lines(tmp_path, configuration)
    assert [line for line in said if line.startswith("API key")] == [
        "API key pull may download, check lfs/… in reports, URLs up to 15 min",
        "API key pull may pull in the Git LFS repository design",
        "API key out may head x/… in reports, URLs up to 15 min",
    ]


def test_a_grant_has_its_limits_in_units_for_people(tmp_path: Path) -> None:
    limits = {"max_content_length": "50MiB", "max_link_expires_in": "7d", "allow_overwrite": True}
    said = lines(tmp_path, document(of_key("a", grant("a/", "upload", "link", **limits))))
    assert (
        "API key a may upload, link a/… in reports, URLs up to 15 min, files up to 50 MiB, links "
        "up to 7 days, and overwrite objects"
    ) in said


def test_callers_that_may_do_the_same_share_a_line(tmp_path: Path) -> None:
    same = [of_key(f"k{n}", grant("a/", "list")) for n in range(5)]
    said = lines(tmp_path, document(*same, of_issuer("*", grant("b/", "list"))))
    assert said[-2:] == [
        "API key k0, API key k1, API key k2 and 2 more may list a/… in reports, URLs up to 15 min",
        "everyone who signs in at `people` may list b/… in reports, URLs up to 15 min",
    ]


@pytest.mark.parametrize(
    ("names", "text"),
    [("a", "a"), ("ab", "a and b"), ("abcd", "a, b, c and d"), ("abcde", "a, b, c and 2 more")],
)
def test_the_first_names_are_shown_together(names: str, text: str) -> None:
    assert together(list(names)) == text


def test_a_thousand_callers_fit_on_two_screens(tmp_path: Path) -> None:
    many = [of_key(f"k{n}", grant(f"team-{n}/", "list")) for n in range(1000)]
    configuration = document(*many, **PROTOCOLS)
    said = lines(tmp_path, configuration)
    assert len(said) < 100
    assert said[-1] == "… and 950 more lines: --caller NAME shows one caller, and --json all"
    shown = json.loads(check(tmp_path, configuration, "--json").output)["callers"]
    assert [each["may"] for each in shown][999] == ["list team-999/… in reports, URLs up to 15 min"]


CALLERS: Final = (
    of_key("billing", grant("invoices/", "upload")),
    of_issuer("*", grant("public/", "download")),
    of_issuer("team:*", grant("team/", "list")),
    of_issuer("team:ann", grant("ann/", "head")),
)


@pytest.mark.parametrize(
    ("name", "may"),
    [
        ("billing", ["upload"]),
        ("ann", ["download"]),
        ("team:ann", ["list", "head"]),
        ("team:*", ["list"]),
        ("*", ["download"]),
    ],
)
def test_one_caller_has_the_lines_of_all_entries_that_match(
    tmp_path: Path, name: str, may: list[str]
) -> None:
    said = lines(tmp_path, document(*CALLERS), "--caller", name)
    assert [line.partition(" may ")[2].split()[0] for line in said] == may
    shown = json.loads(check(tmp_path, document(*CALLERS), "--json", "--caller", name).output)
    assert [each["may"][0].split()[0] for each in shown["callers"]] == may


def test_a_caller_that_nothing_matches_is_an_error(tmp_path: Path) -> None:
    done = check(tmp_path, document(*CALLERS[:1]), "--caller", "nobody")
    assert done.exit_code == 2
    assert "no caller has this name or subject, and no pattern matches it" in done.output


def test_what_iam_does_not_enforce_has_the_prefix_as_it_is_written(tmp_path: Path) -> None:
    prefix = "people/{claim:/preferred_username}/"
    given = grant(prefix, "upload", "form")
    said = lines(tmp_path, document(of_issuer("*", given), of_key("a", grant("x/", "list"))))
    assert said[-1].startswith(
        "everyone who signs in at `people`: the session policy for bucket reports does not enforce "
        f"create-only for {prefix}: forms"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1, "1 s"), (90, "90 s"), (900, "15 min"), (5400, "90 min"), (3600, "1 h"), (129_600, "36 h"),
     (86_400, "1 day"), (604_800, "7 days"), (599, "599 s"), (3595, "59 min 55 s"),
     (7190, "1 h 59 min 50 s"), (90_001, "25 h 0 min 1 s")],
)  # fmt: skip
def test_times_have_the_largest_whole_unit(seconds: int, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("length", "text"),
    [(0, "0 bytes"), (1, "1 byte"), (1500, "1,500 bytes"), (2000, "2 kB"), (1024, "1 KiB"),
     (52_428_800, "50 MiB"), (50_000_000, "50 MB"), (5_368_709_120, "5 GiB")],
)  # fmt: skip
def test_sizes_have_the_largest_whole_unit(length: int, text: str) -> None:
    assert size(length) == text


def of_group(*grants: dict[str, Any], **claims: Any) -> dict[str, Any]:
    return {"issuer": "people", "claims": claims, "grants": list(grants)}


def test_callers_by_claim_are_named_by_it_and_found_by_its_value(tmp_path: Path) -> None:
    configuration = document(
        of_group(grant("f/", "list"), **{"/groups": ["finance", "audit"]}),
        of_group(grant("o/", "list"), **{"/groups": "ops"}),
    )
    name = "everyone who signs in at `people` with /groups"
    assert lines(tmp_path, configuration)[-2:] == [
        f'{name} "finance" or "audit" may list f/… in reports, URLs up to 15 min',
        f'{name} "ops" may list o/… in reports, URLs up to 15 min',
    ]
    [line] = lines(tmp_path, configuration, "--caller", "audit")
    assert line.startswith(f'{name} "finance" or "audit" may list')
    shown = json.loads(check(tmp_path, configuration, "--json").output)["callers"]
    assert [each["claims"] for each in shown] == [{"/groups": "audit, finance"}, {"/groups": "ops"}]
    assert "subject" not in shown[0]


def test_many_groups_whose_policy_is_too_long_are_a_warning(tmp_path: Path) -> None:
    groups = [
        of_group(
            *(grant(f"{'x' * 90}-{n}-{m}/", "list") for m in range(12)), **{"/groups": f"g{n}"}
        )
        for n in range(2)
    ]
    said = check(tmp_path, document(*groups))
    assert said.exit_code == 0, said.output
    assert "issuers.people: for a caller with the claims of all entries" in said.output
    assert "issuers.people" not in check(tmp_path, document(groups[0])).output
