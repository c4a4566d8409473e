"""What package indexes need besides their roots: object URLs."""

import logging
from pathlib import Path

import pytest

from service.protocols.package_index import PROTOCOL
from tests.app.reload.harness import log_messages, put, watching
from tests.app.services.harness import configuration
from tests.cli.invoking import rights_by_caller
from tests.protocols.sections import ROOT, caller, checked, document


def test_an_index_needs_object_urls(tmp_path: Path) -> None:
    code, output = checked(tmp_path, objects=False, package_index={"wheels": ROOT})
    assert code == 1
    assert "package_index: its files are object URLs, so it needs `objects`" in output


@pytest.mark.parametrize(
    ("prefix", "said"),
    [
        ("a/team/project/", ["list some projects", "download the files of some projects"]),
        ("a/team/project/1.0/", []),
    ],
)
def test_a_project_is_listed_from_its_directory(prefix: str, said: list[str]) -> None:
    made = document(caller("ci", prefix, "list", "download"), package_index={"wheels": ROOT})
    assert rights_by_caller(made, PROTOCOL) == {"API key ci": said}


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
