"""The section `mlflow`, what `presign check` reports about it, and its reload."""

import json
import logging
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from service.cli.main import main
from service.protocols.mlflow import PROTOCOL
from service.protocols.roots import ProtocolRoot
from tests.app.reload.harness import log_messages, put, watching
from tests.app.services.harness import configuration
from tests.cli.invoking import rights_by_caller
from tests.protocols.package_index.test_settings import ISSUER, ROLE, caller, granted

TEAM: Final = {"bucket": "reports", "prefix": "mlflow/team/"}
MLFLOW: Final = {"roots": {"team": TEAM}}
READ: Final = ("list", "head", "download")
WRITE: Final = ("upload", "multipart")
BUCKET: Final = {"region": "eu-west-1", "role_arn": ROLE}


def document(*callers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "buckets": {"reports": BUCKET},
        "issuers": {"cluster": ISSUER},
        "callers": list(callers or [caller("ci", "mlflow/", *READ)]),
        "mlflow": MLFLOW,
        **more,
    }


def checked(directory: Path, *callers: dict[str, Any], **more: Any) -> tuple[int, str]:
    path = directory / "presign.yaml"
    path.write_text(json.dumps(document(*callers, **more), indent=1))
    done = CliRunner().invoke(main, ["check", "--config", str(path)])
    return done.exit_code, done.output


def writer(name: str, *allow: str, prefix: str = "mlflow/", **grant: Any) -> dict[str, Any]:
    made = caller(name, prefix, *allow)
    made["grants"][0].update(grant)
    return made


def of_team(prefix: str, *allow: str) -> dict[str, Any]:
    return {"issuer": "cluster", "subject": "team:*", "grants": [granted(prefix, *allow)]}


def test_check_knows_who_may_do_what() -> None:
    callers = (
        caller("reader", "mlflow/", *READ),
        writer("writer", *READ, *WRITE, allow_overwrite=True),
        writer("careful", *READ, *WRITE),
        writer("one-request", "upload", allow_overwrite=True),
        caller("cleaner", "mlflow/team/", "list", "delete"),
        caller("run", "mlflow/team/1/abc/", *READ),
        caller("sibling", "mlflow/teams/", *READ),
        caller("headless", "mlflow/", "list", "download"),
        of_team("mlflow/{claim:/team}/", *READ),
    )
    assert rights_by_caller(document(*callers), PROTOCOL) == {
        "API key reader": ["read"],
        "API key writer": ["read", "write small files", "write large files"],
        "API key careful": ["read", "write large files"],
        "API key one-request": ["write small files"],
        "API key cleaner": ["delete"],
        "API key run": ["read in a part of it"],
        "API key sibling": [],
        "API key headless": [],
        "team:* of cluster": ["read"],
    }


def test_check_says_where_a_root_is_and_who_may_use_it(tmp_path: Path) -> None:
    none = caller("none", "elsewhere/", "list")
    code, output = checked(tmp_path, writer("careful", *READ, *WRITE), none)
    assert code == 0, output
    where = "mlflow team: mlflow-artifacts://HOST/team has its artifacts in reports/mlflow/team/"
    assert where in output.splitlines()
    may = "API key careful may read, write large files in the MLflow root team"
    assert may in output.splitlines()
    assert output.count("MLflow") == 2
    place = ": callers.0: "
    assert [line.partition(place)[2] for line in output.splitlines() if place in line] == [
        (
            "cannot send small files to the MLflow root team: they need `upload` with "
            "`allow_overwrite`; or clients set MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE=1"
        )
    ]


@pytest.mark.parametrize(
    ("callers", "encryption", "said"),
    [
        ([caller("ci", "mlflow/", "download")], False, "mlflow.roots.team: nobody may use it"),
        (
            [caller("ci", "mlflow/", "upload")],
            False,
            "callers.0: cannot send small files to the MLflow root team: they need `upload` with `allow_overwrite`\n",
        ),
        (
            [writer("ci", "upload", allow_overwrite=True)],
            True,
            "callers.0: cannot send small files to the MLflow root team: bucket reports has `encryption`",
        ),
    ],
)
def test_check_warns_of_small_files(
    tmp_path: Path, callers: list[dict[str, Any]], encryption: bool, said: str
) -> None:
    bucket = BUCKET | ({"encryption": {"algorithm": "AES256"}} if encryption else {})
    code, output = checked(tmp_path, *callers, buckets={"reports": bucket})
    assert code == 0, output
    assert f": {said}" in output


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({}, "mlflow.roots"),
        ({"roots": {}}, "mlflow.roots"),
        (
            {"roots": {"team": TEAM | {"bucket": "reprots"}}},
            'mlflow.roots.team.bucket: no bucket "reprots" is configured; did you mean',
        ),
        (
            {"roots": {"team": TEAM | {"prefix": "mlflow"}}},
            "mlflow.roots.team.prefix: write a prefix without placeholders that ends in /",
        ),
        ({"roots": {"a/b": TEAM}}, "mlflow.roots.a/b"),
    ],
)
def test_an_invalid_section_is_explained(
    tmp_path: Path, section: dict[str, Any], said: str
) -> None:
    code, output = checked(tmp_path, mlflow=section)
    assert code == 1
    assert said in output


@pytest.mark.parametrize(
    ("before", "after", "late"),
    [
        (None, MLFLOW, ["mlflow"]),
        (MLFLOW, {"roots": {"new": TEAM}}, []),
        (MLFLOW, None, []),
    ],
)
async def test_roots_change_at_once_and_the_first_at_the_start(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    late: list[str],
) -> None:
    caplog.set_level(logging.INFO, "service.app.reload")
    path = tmp_path / "presign.yaml"
    put(path, configuration(mlflow=before))
    async with watching(path) as service:
        assert await service.changed_to(configuration(mlflow=after)) == "ok"
        values = service.harness.services.protocols[PROTOCOL].values
    expected = {} if after is None else after["roots"]
    roots = {} if values is None else values.named
    assert roots == {name: ProtocolRoot(**each) for name, each in expected.items()}
    text = "changed, but will take effect only after a restart: "
    assert log_messages(caplog)[1:] == [text + each for each in late]
