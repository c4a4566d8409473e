"""A configuration as `presign init` writes it, in front of the demo's store: docs/set-up.md."""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from presign_client.commands.main import main
from tests.docs.documents import blocks
from tests.support.processes import free_ports, run_process

PAGE: Final = "docs/set-up.md"
MARK: Final = "run by tests/demo/test_own_configuration.py"


def presign(line: str, environment: Mapping[str, str] | None = None) -> str:
    """Return what a command of the page prints."""
    done = CliRunner(env=environment).invoke(main, shlex.split(line)[1:])
    assert done.exit_code == 0, done.output
    return done.stdout


def exported(line: str) -> dict[str, str]:
    return dict(each.split("=", 1) for each in shlex.split(line)[1:])


@pytest.mark.slow
def test_an_own_configuration_works_at_the_demos_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    shown = blocks(PAGE)
    init = next(each.text for each in shown if each.text.startswith("presign init"))
    [defaults] = [each.text for each in shown if each.text.startswith("bucket_defaults:")]
    store, service, caller = [each.text.splitlines() for each in shown if each.mark == MARK]
    root, port, own_port = exported(store[0]), *free_ports(2)
    key = presign(init).split("\n\n")[1].strip()
    settings = Path("presign.yaml").read_text(encoding="utf-8")
    Path("local.yaml").write_text(settings + defaults.replace(":5000", f":{port}"))
    command = [sys.executable, *shlex.split(store[1])[1:], "--port", str(port)]
    with run_process(command, tmp_path, f"http://127.0.0.1:{port}/moto-api/", **root):
        checked = presign(service[1], root)
        found = send_and_read(service[2], caller, own_port, key, root)
    assert service[0] == store[0]
    assert "a signed request works" in checked
    assert "a URL whose key was changed is refused" in checked
    assert found == "hello\n"


def send_and_read(
    serve: str, caller: list[str], port: int, key: str, root: Mapping[str, str]
) -> str:
    """Run the service and the lines of its caller, and return what the last one prints."""
    origin = f"http://127.0.0.1:{port}"
    variables = exported(caller[0].replace("http://127.0.0.1:8000", origin).replace("$KEY", key))
    Path("hello.txt").write_text("hello\n")
    here, directory = Path.cwd(), Path("service")
    directory.mkdir()
    words = shlex.split(serve)[1:]
    command = [sys.executable, "-m", "service", words[0], str(here / words[1]), "--port", str(port)]
    with run_process(command, directory, f"{origin}/readyz", **root):
        presign(caller[2], variables)
        return presign(caller[3], variables)
