"""The commands of the service are commands of the client's `presign`, where both are installed."""

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import click

from presign_client.commands.main import OF_THE_SERVICE, OWN
from presign_client.commands.main import main as presign
from service.cli.main import main as service


def test_each_command_of_the_service_has_an_entry_point() -> None:
    added = {each.name for each in entry_points(group="presign.commands")}

    assert added == set(service.commands)
    assert tuple(sorted(added)) == OF_THE_SERVICE
    assert not added & set(OWN)


def test_the_client_runs_the_commands_of_the_service() -> None:
    context = click.Context(presign)

    for name, command in service.commands.items():
        assert presign.get_command(context, name) is command
    assert presign.get_command(context, "nothing") is None
    assert presign.list_commands(context) == [*OWN, *sorted(service.commands)]


def test_the_installed_command_has_all_of_them() -> None:
    script = Path(sys.executable).parent / "presign"

    for words in (["new-key"], ["serve", "-h"], ["put", "-h"], ["--version"]):
        done = subprocess.run([script, *words], capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
