"""The section `package_index`, what `presign check` reports about it, and its reload."""

import json
import logging
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from service.auth.api_keys import digest_of
from service.cli.main import main
from service.protocols.package_index import PROTOCOL
from service.protocols.roots import ProtocolRoot
from tests.app.reload.harness import log_messages, put, watching
from tests.app.services.harness import configuration
from tests.cli.invoking import rights_by_caller

ROLE: Final = "arn:aws:iam::111122223333:role/presign"
WHEELS: Final = {"bucket": "reports", "prefix": "pypi/"}
ISSUER: Final = {
    "issuer": "https://issuer.example",
    "audience": "presign",
    "jwks_url": "https://issuer.example/keys",
}


def document(*callers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "buckets": {"reports": {"region": "eu-west-1", "role_arn": ROLE}},
        "issuers": {"cluster": ISSUER},
        "callers": list(callers or [caller("ci", "pypi/", "list", "download")]),
        "package_index": {"wheels": WHEELS},
        **more,
    }


def checked(directory: Path, *callers: dict[str, Any], **more: Any) -> tuple[int, str]:
    path = directory / "presign.yaml"
    path.write_text(json.dumps(document(*callers, **more), indent=1))
    done = CliRunner().invoke(main, ["check", "--config", str(path)])
    return done.exit_code, done.output


def caller(name: str, prefix: str, *allow: str) -> dict[str, Any]:
    return {"api_key": name, "sha256": [digest_of(name)], "grants": [granted(prefix, *allow)]}


def granted(prefix: str, *allow: str) -> dict[str, Any]:
    return {"bucket": "reports", "prefix": prefix, "allow": allow, "max_expires_in": 900}


def test_check_knows_who_may_use_an_index() -> None:
    by_claim = granted("pypi/{claim:/team}/", "list")
    callers = (
        caller("ci", "pypi/", "list", "download"),
        caller("wide", "", "list"),
        caller("one", "pypi/tinypkg/", "list", "download"),
        caller("uploads", "pypi/", "upload"),
        caller("others", "pypix/", "list", "download"),
        caller("key", "pypi", "list", "download"),
        {"issuer": "cluster", "subject": "team:*", "grants": [by_claim]},
    )
    assert rights_by_caller(document(*callers), PROTOCOL) == {
        "API key ci": ["list all projects", "download the files of all projects"],
        "API key wide": ["list all projects", "download the files of no projects"],
        "API key one": ["list some projects", "download the files of some projects"],
        "API key uploads": [],
        "API key others": [],
        "API key key": [],
        "team:* of cluster": ["list some projects", "download the files of no projects"],
    }


def test_check_says_where_an_index_is_and_who_may_use_it(tmp_path: Path) -> None:
    code, output = checked(tmp_path, caller("wide", "", "list"), caller("up", "pypi/", "upload"))
    assert code == 0, output
    for line in (
        "package_index wheels: /simple/wheels/ has the projects in reports/pypi/",
        (
            "API key wide may list all projects, download the files of no projects in the package "
            "index wheels"
        ),
    ):
        assert line in output.splitlines()
    assert output.count("package index") == 1
    assert ": package_index" not in output


def test_check_warns_if_nobody_may_list_an_index(tmp_path: Path) -> None:
    code, output = checked(tmp_path, caller("ci", "pypi/", "download"))
    assert code == 0
    assert ": package_index.wheels: nobody may list it" in output


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"objects": False}, "package_index: its files are object URLs, so it needs `objects`"),
        (
            {"package_index": {"wheels": WHEELS | {"bucket": "reprots"}}},
            'package_index.wheels.bucket: no bucket "reprots" is configured; did you mean',
        ),
        (
            {"package_index": {"wheels": WHEELS | {"prefix": "pypi"}}},
            "package_index.wheels.prefix: write a prefix without placeholders that ends in /",
        ),
        (
            {"package_index": {"wheels": WHEELS | {"prefix": "pypi/{claim:/team}/"}}},
            "package_index.wheels.prefix: write a prefix without placeholders",
        ),
        ({"package_index": {"a/b": WHEELS}}, "package_index.a/b"),
        ({"package_index": {"wheels": {"bucket": "reports"}}}, "package_index.wheels.prefix"),
    ],
)
def test_an_invalid_index_is_explained(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    code, output = checked(tmp_path, **more)
    assert code == 1
    assert said in output


@pytest.mark.parametrize(
    ("before", "after", "late"),
    [
        ({}, {"wheels": WHEELS}, ["package_index"]),
        ({"wheels": WHEELS}, {"wheels": WHEELS | {"prefix": "new/"}, "more": WHEELS}, []),
        ({"wheels": WHEELS}, {}, []),
    ],
)
async def test_indexes_change_at_once_and_the_first_at_the_start(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    before: dict[str, Any],
    after: dict[str, Any],
    late: list[str],
) -> None:
    caplog.set_level(logging.INFO, "service.app.reload")
    path = tmp_path / "presign.yaml"
    put(path, configuration(package_index=before))
    async with watching(path) as service:
        assert await service.changed_to(configuration(package_index=after)) == "ok"
        values = service.harness.services.protocols[PROTOCOL].values
    indexes = {} if values is None else values.named
    assert indexes == {name: ProtocolRoot(**index) for name, index in after.items()}
    text = "changed, but will take effect only after a restart: "
    assert log_messages(caplog)[1:] == [text + each for each in late]


async def test_object_urls_that_are_turned_on_need_a_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "service.app.reload")
    path = tmp_path / "presign.yaml"
    put(path, configuration(objects=False))
    async with watching(path) as service:
        assert await service.changed_to(configuration()) == "ok"
    [message] = log_messages(caplog)
    assert message.endswith(": objects")
