"""The `presign` command. Commands that start servers run in a process of their own."""

import os
import re
import signal
import socket
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.app.settings import load_settings
from service.auth.api_keys import digest_of
from service.demo.ports import problem_of_ports
from service.demo.run import _keep, _why_it_ended
from service.errors import ConfigurationError
from tests.cli.invoking import GOOD, presign
from tests.support.demo import ROOT, demo
from tests.support.processes import free_ports, run_to_end


def test_the_service_does_not_start_with_an_invalid_file(tmp_path: Path) -> None:
    path = tmp_path / "presign.yaml"
    path.write_text(GOOD.replace("region:", "regoin:"))
    done = presign("serve", PRESIGN_CONFIG=str(path))
    assert done.returncode == 1
    assert "did you mean region?" in done.stderr


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "presign.yaml"
    path.write_text(GOOD)
    done = presign("check", PRESIGN_CONFIG=str(path), PRESIGN_LOG_LEVEL="LOUD")
    assert done.returncode == 1
    assert "PRESIGN_LOG_LEVEL: " in done.stderr


@pytest.mark.parametrize("sections", ["", "server: {cors_origins: ['https://b.example']}"])
def test_origins_can_come_from_the_environment(tmp_path: Path, sections: str) -> None:
    path = tmp_path / "presign.yaml"
    path.write_text(f"{sections}\n{GOOD}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRESIGN_CORS_ORIGINS", "https://a.example, http://localhost:3000")
        origins = load_settings(path).server.cors_origins
        patch.setenv("PRESIGN_CORS_ORIGINS", "nonsense")
        with pytest.raises(ConfigurationError, match="PRESIGN_CORS_ORIGINS: write an origin"):
            load_settings(path)
    assert origins == ("https://a.example", "http://localhost:3000")


def test_the_token_file_can_come_from_the_platform(tmp_path: Path) -> None:
    path = tmp_path / "presign.yaml"

    def token_file(text: str = f"server: {{web_identity_token_file: /file}}\n{GOOD}") -> str:
        path.write_text(text)
        return str(load_settings(path).server.web_identity_token_file)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/platform")
        assert (token_file(GOOD), token_file()) == ("/platform", "/file")
        for ours, chosen in (("", "/file"), ("/ours", "/ours")):
            patch.setenv("PRESIGN_WEB_IDENTITY_TOKEN_FILE", ours)
            assert token_file() == chosen


def test_new_key_prints_a_key_and_its_digest() -> None:
    one, other = (presign("new-key").stdout for _ in range(2))
    key, digest = re.findall(r": +(\S+)", one)
    assert digest == digest_of(key)
    assert len(key) == 43  # 256 bits in base64
    assert one != other


@contextmanager
def taken_port() -> Iterator[str]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield str(taken.getsockname()[1])


@pytest.mark.parametrize("option", ["--port", "--store-port"])
def test_the_demo_refuses_a_port_in_use(option: str) -> None:
    with taken_port() as port:
        done = presign("demo", option, port)
    expected = f"Error: port {port} is in use; choose another with {option}\n"
    assert (done.returncode, done.stderr) == (1, expected)


def outside_make() -> dict[str, str]:
    """The environment without what `make test` passes on to a make below it."""
    return {name: text for name, text in os.environ.items() if not name.startswith("MAKE")}


@pytest.mark.parametrize("name", ["PORT", "STORE_PORT"])
def test_make_demo_checks_the_ports_before_it_installs(tmp_path: Path, name: str) -> None:
    environment = tmp_path / "venv"
    with taken_port() as port:
        command = ["make", "demo", f"{name}={port}", f"DEMO_VENV={environment}"]
        done = run_to_end([*command, f"PYTHON={sys.executable}"], cwd=ROOT, env=outside_make())
    first, failed = done.stderr.splitlines()
    assert first == f"port {port} is in use; choose another with {name}=NUMBER"
    assert failed.startswith("make: *** ")
    assert (done.returncode, done.stdout, environment.exists()) == (2, "", False)


def test_make_demo_passes_its_ports_on() -> None:
    command = ["make", "-n", "demo", "PORT=8081", "STORE_PORT=9001"]
    done = run_to_end(command, cwd=ROOT, env=outside_make())
    assert done.stdout.endswith("presign demo --port 8081 --store-port 9001\n")


def test_make_demo_lets_the_pages_of_origins_call_it() -> None:
    command = ["make", "-n", "demo", "ORIGIN=http://127.0.0.1:8088 https://a.example"]
    done = run_to_end(command, cwd=ROOT, env=outside_make())
    origins = " --origin http://127.0.0.1:8088 --origin https://a.example\n"
    assert " ".join(done.stdout.splitlines()[-1].split()).endswith(origins.strip())


@pytest.mark.parametrize(
    ("ports", "problem"),
    [
        ({"--port": 0}, "choose a port from 1 to 65535 with --port"),
        ({"--port": 65_536}, "choose a port from 1 to 65535 with --port"),
        ({"A": 8000, "B": 8000}, "choose different ports with A and B"),
    ],
)
def test_a_port_that_cannot_be_is_refused(ports: dict[str, int], problem: str) -> None:
    assert problem_of_ports(ports) == problem


def demo_that_fails(**environment: str) -> str:
    port, store_port = map(str, free_ports(2))
    done = presign("demo", "--port", port, "--store-port", store_port, **environment)
    assert done.returncode == 1
    return done.stderr


def test_the_demo_refuses_wrong_variables_in_a_line_each() -> None:
    shown = demo_that_fails(PRESIGN_LOG_LEVEL="debug", PRESIGN_LOG_LEVLE="INFO")
    expected = [
        'PRESIGN_LOG_LEVEL: did you mean DEBUG? (found "debug")',
        "PRESIGN_LOG_LEVLE: unknown variable; did you mean PRESIGN_LOG_LEVEL?",
    ]
    assert sorted(shown.removeprefix("Error: ").splitlines()) == expected


def test_the_demo_says_why_its_store_did_not_start(tmp_path: Path) -> None:
    (tmp_path / "moto.py").write_text("raise ModuleNotFoundError('No module is here')")
    shown = demo_that_fails(PYTHONPATH=str(tmp_path))
    cause = "ModuleNotFoundError: No module is here; install the extra `demo`"
    assert shown == f"Error: the store did not start: {cause}\n"


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        (["Traceback …\n", "RuntimeError: no memory\n", "\n"], "RuntimeError: no memory"),
        (["Error: moto refused: 500\n"], "moto refused: 500"),
        ([], "it ended with -9"),
    ],
)
def test_the_last_words_of_the_store_are_its_cause(lines: list[str], cause: str) -> None:
    complaints = deque[str](maxlen=1)
    _keep(lines, complaints)
    assert _why_it_ended(complaints, -9) == f"the store did not start: {cause}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_demo_and_its_store(number: signal.Signals) -> None:
    with demo() as running:
        process = running.process
        process.send_signal(number)
        assert process.wait(timeout=60) == 0
        assert process.stdout is not None
        assert "Traceback" not in process.stdout.read()
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", running.store_port)) != 0
