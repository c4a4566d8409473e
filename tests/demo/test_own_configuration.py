"""A configuration as `presign init` writes it, in front of the demo's store: docs/set-up.md."""

import shlex
import sys
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from service.cli.main import main
from tests.docs.documents import blocks
from tests.support.processes import free_ports, run_process

PAGE: Final = "docs/set-up.md"
MARK: Final = "run by tests/demo/test_own_configuration.py"


def test_an_own_configuration_works_at_the_demos_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = blocks(PAGE)
    init = next(each.text for each in shown if each.text.startswith("presign init"))
    [defaults] = [each.text for each in shown if each.text.startswith("bucket_defaults:")]
    store, check = [each.text.splitlines() for each in shown if each.mark == MARK]
    root = dict(each.split("=") for each in shlex.split(store[0])[1:])
    (port,) = free_ports(1)
    assert CliRunner().invoke(main, shlex.split(init)[1:]).exit_code == 0
    with Path("presign.yaml").open("a") as file:
        file.write(defaults.replace(":5000", f":{port}"))
    command = [sys.executable, *shlex.split(store[1])[1:], "--port", str(port)]
    with run_process(command, tmp_path, f"http://127.0.0.1:{port}/moto-api/", **root):
        done = CliRunner(env=root).invoke(main, shlex.split(check[1])[1:])
    assert (done.exit_code, check[0]) == (0, store[0]), done.output
    assert "a signed request works" in done.stdout
    assert "a URL whose key was changed is refused" in done.stdout
