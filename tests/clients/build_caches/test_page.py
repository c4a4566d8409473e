"""The commands and workflows of docs/build-caches.md, with tokens as GitHub and GitLab make them."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest
from ruamel.yaml import YAML

from service.config.key_files import new_key
from tests.auth.mint import jwk, jwks, rsa_key, signed
from tests.clients.build_caches.caches import (
    MAIN,
    READER,
    CacheService,
    Program,
    Run,
    Workspace,
    serve,
)
from tests.clients.build_caches.conftest import MakeWorkspace
from tests.clients.toolchains import tool
from tests.docs.documents import blocks, commands
from tests.support.http_servers import Handler, serving
from tests.support.stores import Store

PAGE: Final = "docs/build-caches.md"
PRESIGN: Final = "https://presign.acme.com"  # on the page
AUDIENCE: Final = "presign.acme.com"
REQUEST_TOKEN: Final = "of-the-job"
GITLAB: Final = {"issuer": "https://gitlab.example", "audience": AUDIENCE}
BUILD: Final[Mapping[Program, str]] = {
    Program.TURBO: "npx turbo run build --output-logs=full",
    Program.NX: "npx nx run-many -t build",
}


def shown(key: str) -> Any:
    """Return the last YAML document of the page with this key."""
    texts = [block.text for block in blocks(PAGE) if block.language == "yaml"]
    return [each for each in map(YAML(typ="safe", pure=True).load, texts) if key in each][-1]


def token(issuer: str, **claims: str | int) -> str:
    now = int(time.time())
    times = {"iat": now, "nbf": now - 600, "exp": now + 300}
    payload = {"iss": issuer, "aud": AUDIENCE, "sub": "repo:acme/web:x", **times, **claims}
    return signed(json.dumps(payload), rsa_key(), alg="RS256", head={"typ": "JWT"})


def of_github(number: int, event: str, ref: str = "refs/pull/7/merge") -> str:
    """Return what GitHub puts into a token: docs.github.com/actions/reference/security/oidc."""
    issuer = shown("build_caches")["issuers"]["github"]["issuer"]
    return token(issuer, repository_id="77", event_name=event, ref=ref, run_id=str(number))


def of_gitlab(number: int, source: str, ref: str) -> str:
    """docs.gitlab.com/ci/secrets/id_token_authentication: "Token payload"."""
    more = {"pipeline_source": source, "ref": ref, "ref_protected": "true"}
    return token(GITLAB["issuer"], project_id="77", pipeline_id=str(number), **more)


@contextmanager
def of_issuers(job: str) -> Iterator[str]:
    """Serve the keys of both issuers, and the token of a job of GitHub."""

    class Issuers(Handler):
        def do_GET(self) -> None:  # noqa: N802 - its name there
            url = urlsplit(self.path)
            if url.path == "/keys":
                self.answer(200, jwks(jwk(rsa_key(), alg="RS256")))
            elif self.headers["authorization"] == f"bearer {REQUEST_TOKEN}":
                assert parse_qs(url.query)["audience"] == [AUDIENCE]
                self.answer(200, json.dumps({"value": job}).encode())
            else:
                self.answer(401)

    with serving(Issuers) as url:
        yield url


@contextmanager
def configured(store: Store, directory: Path, issuers_url: str) -> Iterator[CacheService]:
    """The service as the page configures it, for GitHub and for GitLab."""
    document, gitlab = shown("build_caches"), shown("callers")
    keys = f"{issuers_url}/keys"
    issuers = {
        "github": document["issuers"]["github"] | {"jwks_url": keys},
        "gitlab": GITLAB | {"jwks_url": keys},
    }
    callers = json.loads(json.dumps(document["callers"][:2] + gitlab["callers"]))
    for grant in (each for caller in callers for each in caller["grants"]):
        grant["bucket"] = "objects"
    section = {"web": document["build_caches"]["web"] | {"bucket": "objects"}}
    key = directory / "link.key"
    key.write_text(new_key(b"k" * 32))
    top = {"build_caches": section, "issuers": issuers, "links": {"keys": [str(key)]}}
    server = {"drain_seconds": 0, "public_url": "http://presign.example.com"}
    with serve(store, directory, *callers, top={**top, "server": server}) as running:
        yield running


def run_steps(machine: Workspace, steps: list[str], **environment: str) -> Run:
    """Run the steps in one shell each, as a runner does. What they write to GITHUB_ENV stays."""
    for program in ("curl", "jq"):
        tool(program, program)
    variables, file = dict(environment), machine.directory.parent / f"{machine.directory.name}.env"
    file.touch()
    done = Run(1, "")
    for step in steps:
        text = step.replace(PRESIGN, machine.caches.url)
        path = os.pathsep.join([machine.environment()["PATH"], os.environ["PATH"]])
        command = ["bash", "-euo", "pipefail", "-c", text]
        done = machine.run(command, **variables, GITHUB_ENV=str(file), PATH=path)
        variables |= dict(line.split("=", 1) for line in file.read_text().splitlines())
        if done.code != 0:
            break
    return done


def github_job(machine: Workspace, program: Program, url: str) -> Run:
    """Run the steps `Ticket` and `Build` of the workflow."""
    job = shown("jobs")["jobs"]["build"]
    steps = {step["name"]: step["run"] for step in job["steps"] if "name" in step}
    own = {name: value.replace(PRESIGN, machine.caches.url) for name, value in job["env"].items()}
    request = {
        "ACTIONS_ID_TOKEN_REQUEST_URL": url and f"{url}/token?api-version=2",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN,
    }
    assert steps["Build"] in BUILD[Program.TURBO]  # its comment has that of Nx
    return run_steps(machine, [steps["Ticket"], BUILD[program]], **own, **request)


def gitlab_job(machine: Workspace, program: Program, job_token: str) -> Run:
    job = shown("build")["build"]
    cache = job["variables"]["CACHE"].replace(PRESIGN, machine.caches.url)
    own = {name: value.replace("$CACHE", cache) for name, value in job["variables"].items()}
    *lines, last = job["script"]
    assert last in BUILD[Program.TURBO]
    script = "\n".join([*lines, BUILD[program]])
    return run_steps(machine, [script], **own | {"CACHE": cache, "CACHE_JWT": job_token})


def test_the_workflow_of_github(ministack: Store, tmp_path: Path, program: Program) -> None:
    jobs = [
        ("pull request", of_github(1, "pull_request"), 0, "cache/web/pr/1/"),
        ("main", of_github(2, "push", "refs/heads/main"), 0, "cache/web/trusted/"),
        ("another pull request", of_github(3, "pull_request"), 2, ""),
        ("target", of_github(4, "pull_request_target", "refs/heads/main"), -1, ""),
    ]
    for name, job_token, hits, place in jobs:
        directory = tmp_path / name
        directory.mkdir()
        with (
            of_issuers(job_token) as url,
            configured(ministack, directory, url) as caches,
        ):
            if name == "pull request":
                caches.empty()
            machine = Workspace(directory=directory / "machine", caches=caches)
            done = github_job(machine, program, url)
            if name == "target":  # its token is nobody's
                assert done.code != 0
                assert "403" in done.output
                continue
            assert (done.code, done.hits) == (0, hits), done.output
            if place:
                assert len(caches.keys(f"{place}{program.folder}/")) == 2


def test_a_fork_builds_without_the_cache(
    ministack: Store, tmp_path: Path, program: Program
) -> None:
    with configured(ministack, tmp_path, "http://127.0.0.1:9") as caches:
        caches.empty()
        machine = Workspace(directory=tmp_path / "machine", caches=caches)
        done = github_job(machine, program, "")
        assert (done.code, done.hits) == (0, 0), done.output
        assert caches.keys() == []


def test_the_pipeline_of_gitlab(ministack: Store, tmp_path: Path, program: Program) -> None:
    with of_issuers("") as url, configured(ministack, tmp_path, url) as caches:
        caches.empty()
        for number, source, ref, hits, place in (
            (1, "merge_request_event", "main", 0, "cache/web/pr/1/"),
            (2, "push", "main", 0, "cache/web/trusted/"),
            (3, "merge_request_event", "feature", 2, ""),
        ):
            machine = Workspace(directory=tmp_path / f"machine-{number}", caches=caches)
            done = gitlab_job(machine, program, of_gitlab(number, source, ref))
            assert (done.code, done.hits) == (0, hits), done.output
            if place:
                assert len(caches.keys(f"{place}{program.folder}/")) == 2


@pytest.mark.parametrize("program", Program)
def test_a_developer_reads(
    caches: CacheService, workspace: MakeWorkspace, program: Program
) -> None:
    workspace().build(program, MAIN)
    [block] = [each for each in commands(PAGE) if f"npx {program}" in each.text]
    steps = [block.text.replace("npx turbo run build", BUILD[Program.TURBO])]
    done = run_steps(workspace(), steps, PRESIGN_TOKEN=READER)
    assert (done.code, done.hits) == (0, 2), done.output
