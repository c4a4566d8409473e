"""The console's settings: what is refused, and what `presign check` says of the others."""

from pathlib import Path
from typing import Final

import pytest

from tests.cli.invoking import GOOD, checked

ISSUERS: Final = """
issuers:
  company: {issuer: https://id.example/tenant, audience: console, jwks_url: https://id.example/k}
"""
CALLER: Final = """\
  - {issuer: company, subject: "u*", grants: [{bucket: reports, prefix: a/, allow: [download]}]}
"""
SIGN_IN: Final = "console: {issuer: company, client_id: console}\n"
WITH_CALLER: Final = f"{GOOD.rstrip()}\n{CALLER}{ISSUERS}"


def test_check_says_who_can_open_the_console(tmp_path: Path) -> None:
    on = checked(tmp_path, f"{GOOD}console: true\n")
    for off in (GOOD, f"{GOOD}console: false\n"):
        assert "console" not in checked(tmp_path, off).stdout
    assert "console: people sign in at /console with a key or a token\n" in on.stdout
    assert "console: anybody who can reach the service can open /console" in on.stdout
    assert "see the hosts of all buckets in its headers; the page itself has no rights" in on.stdout


def test_a_console_alone_passes_the_strict_check(tmp_path: Path) -> None:
    without, on = (checked(tmp_path, GOOD + text).stdout for text in ("", "console: true\n"))
    assert on.count("warning") == without.count("warning")


def test_check_shows_where_people_sign_in(tmp_path: Path) -> None:
    done = checked(tmp_path, WITH_CALLER + SIGN_IN)
    assert done.exit_code == 0, done.output
    where = "or at https://id.example/tenant as its client console\n"
    assert f"console: people sign in at /console with a key or a token, {where}" in done.stdout
    assert done.stdout.count("console: anybody") == 1


def test_check_warns_of_an_audience_that_is_not_the_client(tmp_path: Path) -> None:
    done = checked(tmp_path, WITH_CALLER + SIGN_IN.replace("client_id: console", "client_id: page"))
    warning = (
        ": console.client_id: ID tokens for the client page are refused unless company adds the"
    )
    assert warning in done.stdout
    cure = 'the audience console to them; add the client id to issuers.company.audience: ["console", "page"]\n'
    assert cure in done.stdout
    cured = WITH_CALLER.replace("audience: console", 'audience: ["console", "page"]')
    done = checked(tmp_path, cured + SIGN_IN.replace("client_id: console", "client_id: page"))
    assert "ID tokens" not in done.stdout


def test_check_warns_of_people_who_may_do_nothing(tmp_path: Path) -> None:
    done = checked(tmp_path, GOOD + ISSUERS + SIGN_IN)
    assert ": console.issuer: no caller has the issuer company" in done.stdout


@pytest.mark.parametrize(
    ("console", "message"),
    [
        ("{issuer: compny, client_id: a}", 'no issuer "compny" is configured; did you mean "company"'),
        ("{issuer: company}", "write issuer and client_id, or neither"),
        ("{client_id: a}", "write issuer and client_id, or neither"),
        ('{issuer_origins: ["https://a.example"]}', "issuer_origins needs issuer and client_id"),
        ("{issuer: company, client_id: a b}", "write the client id under which the issuer knows"),
        ("{issuer: company, client_id: a, issuer_origins: [https://a.example/x]}", "write an origin"),
        ("\n  colour: #0f766e", 'console.colour: write a colour such as "#0f766e", in quotes'),
        ("{colour: teal}", "write a colour such as"),
        ('{colour: "#0f76"}', "write a colour such as"),
        ('{color: "#0f766e"}', "console.color: unknown setting; did you mean colour?"),
        ('{name: ""}', "write a name of at most 60 characters in one line"),
        ('{name: "a\\nb"}', "write a name of at most 60 characters in one line"),
        ("maybe", "write true, false, or settings"),
    ],
)  # fmt: skip
def test_wrong_settings_are_explained(tmp_path: Path, console: str, message: str) -> None:
    done = checked(tmp_path, f"{WITH_CALLER}console: {console}\n")
    assert done.exit_code == 1
    assert message in done.stderr


@pytest.mark.parametrize("issuer", ["http://id.example", "accounts.example"])
def test_people_cannot_sign_in_without_https(tmp_path: Path, issuer: str) -> None:
    text = WITH_CALLER.replace("https://id.example/tenant", issuer)
    done = checked(tmp_path, text + SIGN_IN)
    assert done.exit_code == 1
    assert "issuers.company.issuer: write " in done.stderr
    assert "people sign in to the console there" in done.stderr
    assert checked(tmp_path, text).exit_code == 0  # tokens of programs need no URL
