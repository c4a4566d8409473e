"""`presign check --as`: what a token may do, without a service, and without showing the token."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from service.cli.main import main
from tests.auth.mint import ed_key, jwk, jwks, make_token
from tests.auth.provider_tokens import ENTRA_WITHOUT_GROUPS, KEYCLOAK
from tests.cli.check.test_callers import document, grant, of_key
from tests.support.http_servers import Handler, serving

ISS: Final = KEYCLOAK["iss"]
CALLERS: Final = (
    of_key("billing", grant("b/", "list")),
    {"issuer": "people", "claims": {"/groups": "/finance"}, "grants": [
        grant("finance/", "download"), grant("{claim:/team}/", "download"),
    ]},
    {"issuer": "people", "subject": "ann:*", "grants": [grant("c/", "list")]},
    {"issuer": "people", "claims": {"/groups": ["a", "b"], "/level": 7}, "grants": []},
    {"issuer": "people", "claims": {"/email_verified": False}, "grants": []},
)  # fmt: skip


@pytest.fixture(scope="module")
def keys_url() -> Iterator[str]:
    class Keys(Handler):
        def do_GET(self) -> None:  # noqa: N802 - its name there
            self.answer(200, jwks(jwk(ed_key("one"), "one")))

    with serving(Keys) as url:
        yield f"{url}/keys"


def of_ann(key: str = "one", **changes: Any) -> str:
    claims = {**KEYCLOAK, "sub": "ann", "aud": "presign", **changes}
    return make_token(ed_key(key), **claims)


def check(directory: Path, url: str, token: str, *options: str, **issuer: Any) -> Result:
    people = {"issuer": ISS, "audience": "presign", "jwks_url": url, **issuer}
    path = directory / "presign.yaml"
    path.write_text(json.dumps(document(*CALLERS, issuers={"people": people}), indent=1))
    done = CliRunner().invoke(main, ["check", str(path), "--as", "-", *options], input=f"{token}\n")
    for part in token.split("."):
        assert len(part) < 10 or part not in done.output
    return done


def test_it_says_which_entries_match_and_why_others_do_not(tmp_path: Path, keys_url: str) -> None:
    done = check(tmp_path, keys_url, of_ann())
    assert done.exit_code == 0, done.output
    first, *entries, last = done.output.replace(f"{tmp_path}/presign.yaml", "FILE").splitlines()
    assert first == "the token is accepted: ann of people"
    assert [line.partition(" ")[2] for line in entries] == [
        'callers.1: matches: everyone who signs in at `people` with /groups "/finance"',
        "callers.1.grants.1: does not apply: the token's /team is missing or unsuitable for a prefix",
        "callers.2: does not match, because the subject is another: ann:* of people",
        (
            "callers.3: does not match, because /groups has 2 values, and the entry names none of "
            "them; the token has "
            'no /level: everyone who signs in at `people` with /groups "a" or "b" and /level 7'
        ),
        (
            "callers.4: does not match, because /email_verified is another value: everyone who signs "
            "in at `people` with /email_verified false"
        ),
    ]
    assert last == "ann of people may download finance/… in reports, URLs up to 15 min"


def test_a_list_of_one_has_one_value(tmp_path: Path, keys_url: str) -> None:
    done = check(tmp_path, keys_url, of_ann(groups=["b"]))
    assert "/groups has 1 value, and the entry names none of them: " in done.output


def test_a_file_and_json_say_the_same(tmp_path: Path, keys_url: str) -> None:
    (tmp_path / "token").write_text(of_ann(team="audit"))
    check(tmp_path, keys_url, of_ann())  # writes the configuration
    arguments = ["check", str(tmp_path / "presign.yaml"), "--json", "--as", str(tmp_path / "token")]
    found = json.loads(CliRunner().invoke(main, arguments).output)
    assert found["matched"] == [{"claims": {"/groups": "/finance"}}]
    assert [each["prefix"] for each in found["grants"]] == ["finance/", "audit/"]
    assert [each["path"] for each in found["entries"]] == [f"callers.{n}" for n in range(1, 5)]
    assert found["signature_checked"] is True


def test_offline_needs_no_keys_and_says_so(tmp_path: Path) -> None:
    done = check(tmp_path, "http://127.0.0.1:9/", of_ann("other"), "--offline")
    assert done.output.startswith("the token is accepted, but its signature was not checked")
    refused = check(tmp_path, "http://127.0.0.1:9/", of_ann())
    assert refused.exit_code == 1
    assert "the keys of issuer people cannot be read: no response" in refused.output


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (of_ann("other"), "its signature is not by the key of issuer people"),
        (of_ann(aud="another"), 'its `aud` is "another", and `audience` of people is "presign"'),
        (of_ann(aud=["a", "b"]), 'its `aud` is "a", "b", and `audience` of people is "presign"'),
        (of_ann(iss="https://evil.example"), "no issuer of the configuration has"),
        (of_ann(iat=1, nbf=1, exp=3600), "it expired at 1970-01-01T01:00:00Z"),
        (of_ann(nbf=int(time.time()) + 3600), "it is not valid yet"),
        (of_ann(exp=int(time.time()) + 10**8), "`max_lifetime_seconds` of people is 86400"),
        (of_ann(sub=None), "it has no `sub`"),
        (of_ann(sub="a\nb"), "its `sub` is no printable text"),
        (of_ann(exp="soon"), "its `exp` is no number"),
        (of_ann(padding="x" * 12_000), "characters, and at most 14,336 are accepted"),
        ("correct-horse-battery", "it is no JSON Web Token"),
    ],
)
def test_a_token_that_is_not_accepted_has_its_reason(
    tmp_path: Path, keys_url: str, token: str, reason: str
) -> None:
    done = check(tmp_path, keys_url, token)
    assert done.exit_code == 1
    assert f"the token is not accepted: {reason}" in done.output or reason in done.output
    assert "may" not in done.output.partition("accepted: ")[2].split()


def test_a_token_on_the_command_line_is_refused_unrepeated(tmp_path: Path, keys_url: str) -> None:
    check(tmp_path, keys_url, of_ann())
    for literal in (of_ann(), "correct-horse-battery"):
        path = str(tmp_path / "presign.yaml")
        done = CliRunner().invoke(main, ["check", path, "--as", literal])
        assert done.exit_code == 2
        assert "--as takes a file with the token, or - for standard input" in done.output
        assert literal not in done.output


def test_groups_that_were_left_out_are_named_as_the_reason(tmp_path: Path, keys_url: str) -> None:
    claims = {**ENTRA_WITHOUT_GROUPS, "iss": ISS, "groups": None}
    done = check(tmp_path, keys_url, of_ann(**{**claims, "sub": "ann", "aud": "presign"}))
    assert "callers.1: does not match, because the issuer left /groups out" in done.output
    assert done.output.splitlines()[-1] == "ann of people may do nothing"


@pytest.mark.parametrize("option", ["--strict", "--live", "--caller=ann"])
def test_it_goes_with_no_option_that_it_ignores(tmp_path: Path, keys_url: str, option: str) -> None:
    done = check(tmp_path, keys_url, of_ann(), option)
    assert done.exit_code == 2
    assert "--as goes with --offline and --json only" in done.output
