"""docs/people.md: each provider's token, with keys of an issuer on loopback."""

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from tests.auth import provider_tokens as provider
from tests.auth.mint import jwk, jwks, make_token, rsa_key
from tests.clients.toolchains import tool
from tests.docs.documents import blocks, commands
from tests.support.demo import paste
from tests.support.http_servers import Handler, serving

pytestmark = pytest.mark.slow

PAGE: Final = "docs/people.md"
[COMMAND] = [each.text for each in commands(PAGE) if "presign check" in each.text]
[GRANT] = [each.text for each in commands(PAGE) if "client_credentials" in each.text]
[CONFIGURATION] = [each.text for each in blocks(PAGE) if each.language == "yaml"]
[SHOWN] = [each.text for each in blocks(PAGE) if each.language == "text"]


class Keys(Handler):
    def do_GET(self) -> None:  # noqa: N802 - its name there
        self.answer(200, jwks(jwk(rsa_key(), alg="RS256")))


class TokenEndpoint(Handler):
    """As Keycloak's documentation of service accounts has it."""

    def do_POST(self) -> None:  # noqa: N802 - its name there
        form = self.rfile.read(int(self.headers["content-length"]))
        basic = f"Basic {base64.b64encode(b'orders:s3cret').decode()}"
        known = self.headers["authorization"] == basic and form == b"grant_type=client_credentials"
        answer = {"access_token": "a.b.c", "token_type": "Bearer", "expires_in": 60}
        self.answer(200 if known else 401, json.dumps(answer).encode())


def said(directory: Path, claims: provider.Claims) -> str:
    """Run the guide's command for a token of the provider, with its keys from loopback."""
    with serving(Keys) as url:
        text = CONFIGURATION
        document: Any = YAML(typ="safe", pure=True).load(text)
        for issuer in document["issuers"].values():
            text = text.replace(issuer["jwks_url"], f"{url}/keys")
        (directory / "presign.yaml").write_text(text)
        (directory / "token.txt").write_text(make_token(rsa_key(), alg="RS256", **claims))
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return paste(COMMAND, directory, {"PATH": path})


@pytest.mark.parametrize("audience", ["presign", "files-console"])
def test_access_and_id_tokens_of_keycloak_get_the_same(tmp_path: Path, audience: str) -> None:
    assert said(tmp_path, {**provider.KEYCLOAK, "aud": audience}) == SHOWN


@pytest.mark.parametrize(
    ("claims", "name", "group"),
    [
        (provider.ENTRA, "entra", provider.GROUP),
        (provider.OKTA, "okta", "Finance"),
    ],
)
def test_a_member_at_the_other_providers_gets_the_same(
    tmp_path: Path, claims: provider.Claims, name: str, group: str
) -> None:
    found = said(tmp_path, claims)
    assert f'matches: everyone who signs in at `{name}` with /groups "{group}"' in found
    assert found.endswith("may download, upload, list finance/… in reports, URLs up to 15 min\n")


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({**provider.KEYCLOAK, "groups": None}, "the token has no /groups"),
        (
            {**provider.KEYCLOAK, "groups": ["a", "b", "c"]},
            "/groups has 3 values, and the entry names none",
        ),
        (provider.ENTRA_WITHOUT_GROUPS, "the issuer left /groups out"),
    ],
)
def test_what_may_go_wrong_is_said_as_on_the_page(
    tmp_path: Path, claims: provider.Claims, words: str
) -> None:
    assert words in said(tmp_path, claims)
    assert words in " ".join(Path(PAGE).read_text(encoding="utf-8").split())


def test_a_program_gets_a_token_by_client_credentials(tmp_path: Path) -> None:
    for program in ("curl", "jq"):
        tool(program, program)
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login orders password s3cret\n")
    with serving(TokenEndpoint) as url:
        text = GRANT.replace("https://sso.acme.com", url)
        printed = paste(text, tmp_path, {"PATH": os.environ["PATH"], "HOME": str(tmp_path)})
    assert printed == ""
    assert (tmp_path / "token.txt").read_text() == "a.b.c\n"
