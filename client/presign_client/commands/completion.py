"""`presign completion`."""

import click
from click.shell_completion import get_completion_class


@click.command(
    "completion",
    epilog="""\b
Examples:
  presign completion bash > ~/.local/share/bash-completion/completions/presign
  presign completion zsh > ~/.zfunc/_presign
  presign completion fish > ~/.config/fish/completions/presign.fish
""",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print a script: with it a shell completes commands.

    For zsh the directory must be in `fpath`. bash needs version 4.4 or later.
    """
    found = get_completion_class(shell)
    assert found is not None  # each of the choices is one of click's
    root = click.get_current_context().find_root().command
    click.echo(found(root, {}, "presign", "_PRESIGN_COMPLETE").source())
