"""docs/guides/ci-artefacts.md: its workflow's commands, with tokens like GitHub's.

A server on loopback has the endpoint that gives a job its token, and the issuer's keys.
"""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from ruamel.yaml import YAML

from tests.auth.mint import jwk, jwks, rsa_key, signed
from tests.clients.toolchains import tool
from tests.docs.documents import blocks
from tests.support.http_servers import Handler, serving
from tests.support.processes import run_to_end
from tests.support.service import make_settings, run_service
from tests.support.stores import Store

GUIDE: Final = "docs/guides/ci-artefacts.md"
ISSUER: Final = "https://token.actions.githubusercontent.com"
REPOSITORY: Final = "74"
REQUEST_TOKEN: Final = "of-the-job"
COMMIT: Final = "c0ffee"


def shown(key: str) -> Any:
    """Return the YAML document of the guide with this key."""
    texts = [block.text for block in blocks(GUIDE) if block.language == "yaml"]
    [found] = [each for each in map(YAML(typ="safe", pure=True).load, texts) if key in each]
    return found


def claims(subject: str, audience: str, ref: str) -> dict[str, Any]:
    """Return what GitHub puts into a token: docs.github.com/actions/reference/security/oidc."""
    now = int(time.time())
    return {
        "iss": ISSUER,
        "sub": subject,
        "aud": audience,
        "iat": now,
        "nbf": now - 600,
        "exp": now + 300,
        "jti": "example-id",
        "repository": "acme/shop",
        "repository_id": REPOSITORY,
        "repository_owner": "acme",
        "repository_owner_id": "1234567",
        "ref": ref,
        "sha": COMMIT,
        "run_attempt": "1",
    }


@contextmanager
def github(subject: str, ref: str) -> Iterator[str]:
    """Serve the keys, and the token of a job with this subject."""

    class GitHub(Handler):
        def do_GET(self) -> None:  # noqa: N802 - its name there
            url = urlsplit(self.path)
            if url.path == "/.well-known/jwks":
                self.answer(200, jwks(jwk(rsa_key(), alg="RS256")))
            elif self.headers["authorization"] == f"bearer {REQUEST_TOKEN}":
                [audience] = parse_qs(url.query)["audience"]
                payload = json.dumps(claims(subject, audience, ref))
                value = signed(payload, rsa_key(), alg="RS256", head={"typ": "JWT"})
                self.answer(200, json.dumps({"value": value}).encode())
            else:
                self.answer(401)

    with serving(GitHub) as url:
        yield url


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job of GitHub Actions that has built `dist/app.tar.gz`."""

    directory: Path
    github_url: str
    service_url: str

    def run(self) -> subprocess.CompletedProcess[str]:
        job = shown("jobs")["jobs"]["build"]
        [step] = job["steps"]
        folder = job["env"]["FOLDER"]
        for name, value in (
            ("https://presign.acme.com", self.service_url),
            ("${{ github.repository_id }}", REPOSITORY),
            ("${{ github.sha }}", COMMIT),
        ):
            folder = folder.replace(name, value)
        environment = {
            "PATH": os.defpath,
            "FOLDER": folder,
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.github_url}/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN,
        }
        command = ["bash", "-e", "-c", step["run"]]  # as GitHub runs a step
        return run_to_end(command, cwd=self.directory, env=environment)


@contextmanager
def job_of(
    subject: str, store: Store, directory: Path, *, ref: str = "refs/heads/main"
) -> Iterator[Job]:
    """Run the service with the guide's configuration, and GitHub's issuer on loopback."""
    for program in ("curl", "jq"):
        tool(program, program)
    (directory / "dist").mkdir()
    (directory / "dist/app.tar.gz").write_bytes(bytes(2 * 1024**2))  # curl sends `Expect`
    configuration = shown("issuers")
    with github(subject, ref) as github_url:
        configuration["issuers"]["github"]["jwks_url"] = f"{github_url}/.well-known/jwks"
        bucket = make_settings(store)["buckets"]["objects"]
        top = {"buckets": {"artefacts": bucket}, "issuers": configuration["issuers"]}
        with run_service(store, directory, callers=configuration["callers"], top=top) as service:
            url = str(service.client.base_url).rstrip("/")
            yield Job(directory=directory, github_url=github_url, service_url=url)


def test_a_job_uploads_what_it_has_built(ministack: Store, tmp_path: Path) -> None:
    key = f"{REPOSITORY}/{COMMIT}/app.tar.gz"
    with job_of(
        f"repo:acme@1234567/shop@{REPOSITORY}:ref:refs/heads/main", ministack, tmp_path
    ) as job:
        first, again = job.run(), job.run()
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith("::add-mask::ey")
    assert ministack.head(key)["ContentLength"] == 2 * 1024**2
    assert ministack.head(key)["ContentType"] == "application/gzip"
    assert again.returncode == 22  # of curl -f
    assert "412" in again.stderr


def test_a_pull_request_uploads_nothing(ministack: Store, tmp_path: Path) -> None:
    pull = "refs/pull/7/merge"
    with job_of("repo:acme/shop:pull_request", ministack, tmp_path, ref=pull) as job:
        done = job.run()
    assert done.returncode == 22
    assert "403" in done.stderr
