"""Help, options, completion and colours of the commands."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from presign_client.commands.main import OWN, main
from presign_client.commands.options import duration, size
from tests.client.fake import Fake
from tests.client.running import run


@pytest.mark.parametrize("command", OWN)
def test_each_help_has_an_example(command: str) -> None:
    for option in ("-h", "--help"):
        done = CliRunner().invoke(main, [command, option])
        assert done.exit_code == 0
        assert f"presign {command}" in done.output.partition("Example")[2]


@pytest.mark.parametrize("command", OWN)
def test_no_option_takes_a_token(command: str) -> None:
    found = main.get_command(click.Context(main), command)
    assert found is not None
    options = {name for each in found.params for name in each.opts}
    assert {name for name in options if "token" in name} <= {"--token-file"}


@pytest.mark.parametrize(
    "words",
    [
        ("put", "a"),
        ("put", "a", "b", "reports/one"),
        ("put", "-", "reports/"),
        ("put", "-r", "a", "reports/one"),
        ("put", "a", "reports/b", "--part-size", "many"),
        ("get", "reports"),
        ("get", "reports/"),
        ("get", "/a"),
        ("get", "reports/a", "-", "--json"),
        ("url", "reports/a", "--expires-in", "soon"),
        ("url", "reports/a", "--method", "put"),
        ("url", "reports/a", "--content-length", "5"),
        ("link", "reports/a", "--max-uses", "0"),
        ("credentials", "reports/a"),
        ("credentials", "reports", "--permission", "ALL"),
        ("agent", "reports", "--listen", "9911"),
        ("agent", "reports", "--listen", "0.0.0.0:9911"),
        ("agent", "reports", "--listen", "localhost:9911"),
        ("agent", "reports", "--listen", "127.0.0.1:65536"),
        ("agent", "reports", "--no-authorization", "--authorization-file", "a"),
        ("nothing",),
    ],
)
def test_a_wrong_command_line_is_exit_code_2(fake: Fake, words: tuple[str, ...]) -> None:
    assert run(fake, *words).exit_code == 2
    assert fake.requests == []


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("12h", 43200), ("30d", 2592000)]
)
def test_durations_have_units(text: str, seconds: int) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "count"), [("5", 5), ("8MiB", 2**23), ("8m", 2**23), ("1GB", 2**30), ("1k", 1024)]
)
def test_sizes_have_units(text: str, count: int) -> None:
    assert size(text) == count


@pytest.mark.parametrize("command", ["serve", "check"])
def test_without_the_service_its_commands_say_what_to_install(
    command: str, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("presign_client.commands.main._added", dict)

    done = run(fake, command)

    assert done.exit_code == 2
    assert f"'{command}' is a command of the service: install presign-server." in done.output


def test_a_command_that_is_misspelt_is_suggested(fake: Fake) -> None:
    assert "No such command 'pu'. Did you mean 'put'?" in run(fake, "pu").output


def test_the_help_has_summaries_and_exit_codes() -> None:
    done = CliRunner().invoke(main, ["-h"])

    commands, _, codes = done.output.partition("Commands:")[2].partition("Exit codes:")
    assert "\b" not in done.output
    assert "..." not in commands  # no summary is cut
    assert [line.split()[0] for line in codes.strip().splitlines()] == ["0", "1", "2"]


def test_version_and_help_import_no_http_client() -> None:
    for words in (["--version"], ["-h"], ["put", "--help"], ["get", "--help"]):
        assert not {"urllib3", "rich", "asyncio"} & _imported(
            f"main({words}, standalone_mode=False)"
        )


def test_an_own_command_looks_for_no_others() -> None:
    run = (
        "print(CliRunner().invoke(main, ['get', 'b/k']).exit_code, file=sys.stderr); "
        "assert commands._added.cache_info().misses == 0"
    )
    before = "from click.testing import CliRunner; from presign_client.commands import main as commands; "
    imported = _imported(run, before=before)
    assert "urllib3" in imported
    assert not {"httpx", "rich", "difflib"} & imported


def _imported(run: str, before: str = "") -> set[str]:
    """Return the modules that a process has imported once it has run a command."""
    start = f"import sys; {before}from presign_client.commands.main import main; "
    done = subprocess.run(
        [sys.executable, "-c", f"{start}{run}; print(*sys.modules, file=sys.stderr)"],
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("words", ["--version", "--help", "put --help", "completion bash"])
def test_a_full_disk_is_one_line(words: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "presign_client", *words.split()],
            env={"PATH": os.defpath},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert (done.returncode, done.stderr) == (
        1,
        "presign: No space left on device. Free some space and run the command again.\n",
    )


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str) -> None:
    done = CliRunner().invoke(main, ["completion", shell])

    assert (done.exit_code, done.stderr) == (0, "")
    assert f"_PRESIGN_COMPLETE={shell}_complete" in done.stdout


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("presign wh", "whoami"),
        ("presign put --over", "--overwrite"),
        ("presign completion f", "fish"),
    ],
)
def test_bash_completes_commands_and_options(line: str, found: str) -> None:
    words = line.split()
    script = f"""
        eval "$(presign completion bash)"
        COMP_WORDS=({line}) COMP_CWORD={len(words) - 1}
        _presign_completion presign
        echo "${{COMPREPLY[@]}}"
    """
    path = f"{Path(sys.executable).parent}:{os.defpath}"

    done = subprocess.run(
        ["bash", "-c", script], env={"PATH": path}, capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.stderr) == (f"{found}\n", "")


@pytest.mark.parametrize(("setting", "is_colored"), [("", True), ("1", False)])
def test_no_color_turns_colours_off(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, setting: str, is_colored: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", setting)
    fake.put("2026/a.csv", b"")

    for words in (("ls", "reports"), ("put", "missing", "reports/a")):
        assert ("\x1b[" in run(fake, *words, color=True).output) is is_colored


def test_a_pipe_gets_no_colours(fake: Fake) -> None:
    assert "\x1b" not in run(fake, "put", "missing", "reports/a").output
