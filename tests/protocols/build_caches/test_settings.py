"""The section `build_caches`, what `presign check` reports about it, and its reload."""

import json
import logging
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from service.cli.main import main
from service.config.key_files import new_key
from service.protocols.build_caches import PROTOCOL
from tests.app.reload.harness import log_messages, put, watching
from tests.app.services.harness import configuration
from tests.cli.invoking import rights_by_caller
from tests.protocols.build_caches.harness import READS, caller
from tests.protocols.sections import ISSUER, ROLE

TRUSTED: Final = "cache/trusted/"
OTHERS: Final = "cache/pr/"
WEB: Final = {"bucket": "reports", "trusted": TRUSTED, "others": OTHERS}
REPORTS: Final = {"region": "eu-west-1", "role_arn": ROLE}
GITHUB: Final = {"issuer": "github", "claims": {"/ref": "refs/heads/main", "/event_name": "push"}}


def granted(prefix: str, *allow: str, **more: Any) -> dict[str, Any]:
    listed = list(allow or READS)
    return {"bucket": "reports", "prefix": prefix, "allow": listed, "max_expires_in": 900, **more}


def writing(prefix: str, **more: Any) -> dict[str, Any]:
    return granted(prefix, *READS, "upload", **{"allow_overwrite": True, **more})


def of_github(*grants: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**GITHUB, "grants": list(grants), **more}


def of_job(subject: str) -> dict[str, Any]:
    return {"issuer": "github", "subject": subject, "grants": [writing(TRUSTED)]}


CLAIMS: Final = '/ref "refs/heads/main" and /event_name "push"'
MAIN: Final = of_github(writing(TRUSTED))


def document(*callers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "buckets": {"reports": REPORTS},
        "issuers": {"github": ISSUER},
        "callers": list(callers or [MAIN]),
        "build_caches": {"web": WEB},
        **more,
    }


def checked(directory: Path, *callers: dict[str, Any], **more: Any) -> tuple[int, str]:
    path = directory / "presign.yaml"
    path.write_text(json.dumps(document(*callers, **more), indent=1))
    done = CliRunner().invoke(main, ["check", "--config", str(path)])
    return done.exit_code, done.output


def test_check_knows_who_reads_and_who_writes_where() -> None:
    callers = (
        caller("reader", granted(TRUSTED)),
        caller("main", writing(TRUSTED)),
        caller("wide", writing("")),
        caller("pull", granted(TRUSTED), writing(f"{OTHERS}7/")),
        caller("both", writing(TRUSTED), writing(f"{OTHERS}7/")),
        caller("folders", granted(TRUSTED), writing(f"{OTHERS}7/"), writing(f"{OTHERS}8/")),
        caller("blind", granted(TRUSTED, "download", "upload", allow_overwrite=True)),
        caller("creates", writing(TRUSTED, allow_overwrite=False)),
        caller("images", writing(TRUSTED, content_types=["image/*"])),
        caller("sum", granted(TRUSTED, "check"), granted("", "upload", allow_overwrite=True)),
        caller("all", writing(OTHERS)),
        caller("sibling", writing("cache/trustedx/")),
        {**GITHUB, "grants": [granted(TRUSTED), writing(f"{OTHERS}{{claim:/run_id}}/")]},
    )
    trusted, own = "write what is trusted", "write a folder of its own"
    assert rights_by_caller(document(*callers), PROTOCOL) == {
        "API key reader": ["read"],
        "API key main": ["read", trusted],
        "API key wide": ["read", trusted],
        "API key pull": ["read", own],
        "API key both": ["read", trusted],
        "API key folders": ["read"],
        "API key blind": [],
        "API key creates": ["read"],
        "API key images": ["read"],
        "API key sum": [trusted],
        "API key all": [],
        "API key sibling": [],
        f"everyone who signs in at `github` with {CLAIMS}": ["read", own],
    }


def test_check_says_where_a_cache_is(tmp_path: Path) -> None:
    docs = {"bucket": "reports", "trusted": "docs/", "ticket_seconds": "90m"}
    code, output = checked(tmp_path, build_caches={"web": WEB, "docs": docs})
    assert code == 0, output
    lines = output.splitlines()
    web = "build_caches web: /caches/web has what is trusted in reports/cache/trusted/"
    for line in (
        f"{web}, and folders of others below cache/pr/",
        "build_caches docs: /caches/docs has what is trusted in reports/docs/",
        "build_caches docs: no tickets; they need the keys of `links`",
    ):
        assert line in lines
    assert "may read, write what is trusted in the build cache web" in output


def test_check_says_how_long_a_ticket_lasts(tmp_path: Path) -> None:
    key = tmp_path / "link.key"
    key.write_text(new_key(b"k" * 32))
    more = {"links": {"keys": [str(key)]}, "server": {"public_url": "https://files.example.com"}}
    code, output = checked(tmp_path, **more)
    assert code == 0, output
    assert "build_caches web: a ticket lasts 6 h" in output.splitlines()


FORGED_EVENTS: Final = "pull_request_target, workflow_run and issue_comment"


@pytest.mark.parametrize(
    ("callers", "said"),
    [
        ([of_github(granted(TRUSTED))], "build_caches.web: nobody may write what is trusted"),
        (
            [MAIN, caller("ci", writing(TRUSTED, allow_overwrite=False))],
            "callers.1: `upload` without `allow_overwrite` writes nothing to the build cache web",
        ),
        (
            [MAIN, caller("ci", writing(f"{OTHERS}7/", allow_overwrite=False))],
            "callers.1: `upload` without `allow_overwrite` writes nothing to the build cache web",
        ),
        (
            [MAIN, caller("ci", writing(TRUSTED, max_content_length=5))],
            "callers.1: with `max_content_length`, only Nx writes to the build cache web",
        ),
        (
            [MAIN, caller("ci", granted(TRUSTED), writing(OTHERS))],
            "callers.1.grants.1.prefix: may write all of `others` of the build cache web",
        ),
        ([of_github(writing(TRUSTED), claims={"/ref": "refs/heads/main"})], FORGED_EVENTS),
        ([of_github(writing(TRUSTED), claims={"/repository_id": "77"})], FORGED_EVENTS),
        ([of_job("repo:acme/web:ref:refs/heads/main")], FORGED_EVENTS),
        ([of_job("repo:acme/web:*")], FORGED_EVENTS),
        (
            [of_github(writing(TRUSTED), claims={"/event_name": ["push", "pull_request"]})],
            FORGED_EVENTS,
        ),
        ([of_job("project_path:acme/web:ref_type:branch:ref:main")], FORGED_EVENTS),
        (
            [MAIN, of_github(granted(TRUSTED), writing("cache/{claim:/head_ref}/"))],
            "callers.1.grants.1.prefix: a claim can make it cover what is trusted",
        ),
        (
            [MAIN, of_github(granted(TRUSTED), writing(f"{TRUSTED}{{claim:/head_ref}}/"))],
            "callers.1.grants.1.prefix: a claim can make it cover what is trusted",
        ),
    ],
)
def test_check_warns(tmp_path: Path, callers: list[dict[str, Any]], said: str) -> None:
    code, output = checked(tmp_path, *callers)
    assert code == 0, output
    assert said in output


@pytest.mark.parametrize(
    "callers",
    [
        [MAIN],
        [of_github(writing(TRUSTED), claims={"/ref": "main", "/pipeline_source": "push"})],
        [MAIN, of_github(granted(TRUSTED), claims={"/ref": "refs/heads/main"})],
        [MAIN, caller("ci", writing(TRUSTED), granted("", "upload"))],
        [MAIN, caller("ci", writing(TRUSTED), writing(TRUSTED, max_content_length=5))],
        [MAIN, caller("ci", granted("elsewhere/", "upload"))],
        [MAIN, of_github(granted(TRUSTED), writing(f"{OTHERS}{{claim:/run_id}}/"))],
    ],
    ids=["main", "GitLab", "reader", "enough", "two sizes", "elsewhere", "folders"],
)
def test_check_warns_of_nothing_else(tmp_path: Path, callers: list[dict[str, Any]]) -> None:
    code, output = checked(tmp_path, *callers)
    assert code == 0, output
    for text in ("build cache web;", "writes nothing", "only Nx", "all of `others`", "a claim can"):
        assert text not in output
    assert FORGED_EVENTS not in output


@pytest.mark.parametrize(
    ("bucket", "trusted", "is_inside"),
    [
        ("reports", f"{OTHERS}docs/", True),
        ("reports", OTHERS, True),
        ("reports", "cache/docs/", False),
        ("reports", "cache/", False),
        ("other", f"{OTHERS}docs/", False),
    ],
)
def test_check_warns_of_trusted_in_others_of_another_cache(
    tmp_path: Path, bucket: str, trusted: str, *, is_inside: bool
) -> None:
    docs = {"bucket": bucket, "trusted": trusted}
    buckets = {"reports": REPORTS, "other": {**REPORTS, "bucket": "other"}}
    section = {"web": WEB, "docs": docs}
    code, output = checked(tmp_path, buckets=buckets, build_caches=section)
    assert code == 0, output
    said = "build_caches.docs.trusted: it lies in `others` of the build cache web"
    assert (said in output) == is_inside


def test_check_warns_of_a_bucket_with_encryption(tmp_path: Path) -> None:
    bucket = {**REPORTS, "encryption": {"algorithm": "AES256"}}
    code, output = checked(tmp_path, buckets={"reports": bucket})
    assert code == 0, output
    assert "build_caches.web: bucket reports has `encryption`" in output
    assert "write what is trusted in" not in output


@pytest.mark.parametrize(
    ("public_url", "is_same"),
    [
        ("http://store.example:9000", True),
        ("http://store.example:9000/presign", True),
        ("http://store.example:8000", False),
        ("http://files.example:9000", False),
    ],
)
def test_check_compares_the_host_and_port(
    tmp_path: Path, public_url: str, *, is_same: bool
) -> None:
    bucket = {**REPORTS, "endpoint_url": "http://store.example:9000"}
    more = {"buckets": {"reports": bucket}, "server": {"public_url": public_url}}
    code, output = checked(tmp_path, **more)
    assert code == 0, output
    assert ("has the host and port of server.public_url" in output) == is_same


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"web": {**WEB, "bucket": "reprots"}}, 'web.bucket: no bucket "reprots" is configured'),
        ({"web": {**WEB, "trusted": "cache"}}, "web.trusted: write a prefix without placeholders"),
        ({"web": {**WEB, "trusted": ""}}, "web.trusted: write a prefix without placeholders"),
        ({"web": {**WEB, "others": "cache/pr"}}, "web.others: write a prefix without placeholders"),
        (
            {"web": {**WEB, "others": "cache/{claim:/run_id}/"}},
            "web.others: write a prefix without placeholders",
        ),
        ({"web": {**WEB, "others": f"{TRUSTED}pr/"}}, "web: write two prefixes"),
        ({"web": {**WEB, "others": "cache/"}}, "web: write two prefixes"),
        ({"web": {**WEB, "others": TRUSTED}}, "web: write two prefixes"),
        ({"web": {"bucket": "reports"}}, "web.trusted"),
        ({"a/b": WEB}, "build_caches.a/b"),
        ({"web": {**WEB, "ticket_seconds": "25h"}}, "web.ticket_seconds"),
        ({"web": {**WEB, "tickets": True}}, "web.tickets"),
    ],
)
def test_an_invalid_section_is_explained(
    tmp_path: Path, section: dict[str, Any], said: str
) -> None:
    code, output = checked(tmp_path, build_caches=section)
    assert code == 1
    assert said in output


@pytest.mark.parametrize(
    ("before", "after", "late"),
    [
        ({}, {"web": WEB}, ["build_caches"]),
        ({"web": WEB}, {"docs": WEB}, []),
        ({"web": WEB}, {}, []),
    ],
)
async def test_caches_change_at_once_and_the_first_at_the_start(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    before: dict[str, Any],
    after: dict[str, Any],
    late: list[str],
) -> None:
    caplog.set_level(logging.INFO, "service.app.reload")
    path = tmp_path / "presign.yaml"
    put(path, configuration(build_caches=before))
    async with watching(path) as service:
        assert await service.changed_to(configuration(build_caches=after)) == "ok"
        values = service.harness.services.protocols[PROTOCOL].values
    assert set({} if values is None else values.named) == set(after)
    text = "changed, but will take effect only after a restart: "
    assert log_messages(caplog)[1:] == [text + each for each in late]
