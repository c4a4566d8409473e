"""Runs a command of the client in this process, with the fake."""

from typing import Any

from click.testing import CliRunner, Result

from presign_client.commands.main import main
from tests.client.fake import SECRET, TOKEN, Fake


def run(fake: Fake, *words: Any, **options: Any) -> Result:
    """Run a command in this process, and check that it shows no secret."""
    done = CliRunner().invoke(main, [*map(str, words)], obj=fake.client, **options)
    assert TOKEN not in done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done


def failed(fake: Fake, *words: Any, **options: Any) -> str:
    """Run a command that fails, and return its only line."""
    done = run(fake, *words, **options)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert SECRET not in done.stderr
    [line] = done.stderr.splitlines()
    return line
