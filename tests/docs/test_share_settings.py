"""docs/platform.md: its files and commands, in its order."""

import os
import re
import subprocess
from typing import Final

import pytest

from tests.docs.documents import blocks, commands
from tests.support.demo import ROOT

PAGE: Final = "docs/platform.md"


@pytest.fixture(scope="module", name="output")
def _output(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return what each block of commands prints, next to the files of the page."""
    directory = tmp_path_factory.mktemp("shared")
    for block in blocks(PAGE):
        if block.language == "yaml":
            path = directory / block.text.splitlines()[0].removeprefix("# ")
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.text)
    environment = {"PATH": f"{ROOT / '.venv' / 'bin'}:{os.defpath}", "HOME": str(directory)}
    return [
        subprocess.run(
            ["sh", "-euc", block.text],
            cwd=directory,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for block in commands(PAGE)
    ]


def test_the_variables_of_a_stage_decide(output: list[str]) -> None:
    assert "acme-reports-production.s3.eu-west-1.amazonaws.com/ in eu-west-1" in output[0]
    assert "acme-photos-production.s3.eu-north-1.amazonaws.com/ in eu-north-1" in output[0]
    assert output[0].count("sessions of arn:aws:iam::444455556666:role/presign-production") == 2


def test_the_files_of_the_teams_add_buckets_and_callers(output: list[str]) -> None:
    assert "bucket archive: https://minio.internal:9000/archive/ in eu-west-1" in output[1]
    assert "static keys in secrets/archive-key-id and secrets/archive-secret" in output[1]
    shared = r"^API key billing and API key support may download"  # by one grant set
    assert len(re.findall(shared, output[1], re.MULTILINE)) == 2


def test_no_key_is_printed(output: list[str]) -> None:
    assert "an-example-of-a-key" not in "".join(output)
