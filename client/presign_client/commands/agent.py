"""`presign agent`."""

import signal
import sys
from functools import partial
from pathlib import Path
from shlex import quote
from threading import Event, Thread
from typing import TYPE_CHECKING

import click

from presign_client.commands.failures import line_of, print_failure
from presign_client.commands.options import calling, narrowed
from presign_client.errors import PresignError

if TYPE_CHECKING:
    from presign_client.agent.cache import CredentialCache
    from presign_client.agent.server import Agent
    from presign_client.calls import Calls


def listen_address(text: str) -> tuple[str, int]:
    """Return the IP address and the port of `127.0.0.1:9911` or `[::1]:9911`."""
    from presign_client.agent.server import may_listen_on  # noqa: PLC0415 - as in `connected`

    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (port.isascii() and port.isdigit() and int(port) < 2**16):
        raise click.BadParameter("write an address and a port, such as 127.0.0.1:9911")
    if not may_listen_on(host):
        raise click.BadParameter(
            "SDKs accept plain HTTP only from 127.0.0.1, ::1, 169.254.170.2, 169.254.170.23 and "
            "fd00:ec2::23"
        )
    return host, int(port)


@click.command(
    "agent",
    epilog="""\b
Examples:
  presign agent reports
  presign agent reports --listen 127.0.0.1:9000 --prefix 2026/ --permission READ
""",
)
@narrowed
@click.option(
    "--listen",
    type=listen_address,
    default="127.0.0.1:9911",
    show_default=True,
    metavar="ADDRESS:PORT",
    help="Where SDKs reach it.",
)
@click.option(
    "--authorization-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file whose secret SDKs send, at each start the same. Made if there is none. "
    "Default: a file with a new secret at each start.",
)
@click.option(
    "--no-authorization",
    is_flag=True,
    help="Answer all programs that reach it, such as the containers of a Pod.",
)
@calling
def command(
    presign: "Calls",
    *,
    bucket: str,
    prefix: str | None,
    permission: str | None,
    listen: tuple[str, int],
    authorization_file: Path | None,
    no_authorization: bool,
) -> None:
    """Serve AWS credentials for a bucket on this machine.

    SDKs get them until the agent is stopped. It prints what to export for them, and then only
    failures. It needs a grant with `credentials`, and ends at once if presign refuses them.
    """
    from presign_client.agent.cache import CredentialCache  # noqa: PLC0415 - as in `connected`
    from presign_client.agent.secret import new_secret, publish, read_or_make  # noqa: PLC0415
    from presign_client.agent.server import Agent  # noqa: PLC0415
    from presign_client.notes import state_directory  # noqa: PLC0415

    if no_authorization and authorization_file:
        raise click.UsageError("--no-authorization needs no --authorization-file.")
    cache = CredentialCache(
        partial(presign.credentials, bucket, prefix=prefix, permission=permission),
        lambda error: print_failure(line_of(error)),
    )
    _refuse_what_presign_refuses(cache)
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    secret = None if no_authorization else new_secret()
    if authorization_file:
        secret = read_or_make(authorization_file)
    with Agent(*listen, cache, secret) as agent:
        file = authorization_file
        if secret is not None and file is None:
            file = state_directory() / _secret_name(agent)
            publish(secret, file)  # now that it listens: no other agent uses this file
        Thread(target=agent.serve_forever, daemon=True).start()
        click.echo(f"export AWS_CONTAINER_CREDENTIALS_FULL_URI={agent.url}")
        if file is not None:
            path = quote(str(file.absolute()))
            click.echo(f"export AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE={path}")
        cache.refresh_until(stop)
        agent.shutdown()


def _secret_name(agent: "Agent") -> str:
    """Return the name of the file, which is the same at each start of an agent at this address."""
    host, port = agent.server_address[:2]
    return f"agent-secret-{str(host).replace(':', '.')}-{port}"


def _refuse_what_presign_refuses(cache: "CredentialCache") -> None:
    """Exit if presign refuses the credentials now. If it does not answer, it may do so later."""
    try:
        cache.get()
    except PresignError as error:
        if 400 <= error.status < 500:
            sys.exit(1)  # the cache has reported it
