"""The `presign` command. Commands that start servers run in a process of their own."""

import re
import signal
import socket
from pathlib import Path

import pytest

from service.auth.api_keys import digest_of
from service.config.settings import load_settings
from service.errors import ConfigurationError
from tests.cli.invoking import GOOD, presign
from tests.support.demo import demo, paste
from tests.support.processes import run_to_end


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


def test_the_demo_refuses_a_port_in_use() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = presign("demo", "--port", port)
    assert done.returncode == 1
    assert f"port {port} is in use; choose another with --port" in done.stderr


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


def test_the_demos_lines_end_with_a_refusal_that_is_explained(tmp_path: Path) -> None:
    with demo() as running:
        lines = running.printed[running.printed.index("printf") :].splitlines()[:5]
        stored, read, shared, broken, explained = lines
        assert paste(f"{stored}\n{read}\n{shared}", tmp_path).startswith(f"hello{running.url}/l/")
        done = run_to_end(["bash", "-c", f"{shared}\n{broken}\n{explained}"], cwd=tmp_path)
        assert "The requested URL returned error: 403" in done.stderr
        assert "1. content_length_changed (certain)" in done.stdout
