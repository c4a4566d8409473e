"""`presign url`."""

import shlex
from typing import TYPE_CHECKING, Any

import click

from presign_client.commands.options import as_json, calling, duration, object_name, size
from presign_client.commands.output import print_json
from presign_client.commands.progress import waiting

if TYPE_CHECKING:
    from presign_client.calls import Calls
    from presign_client.signed import SignedRequest


@click.command(
    "url",
    epilog="""\b
Examples:
  presign url reports/2026/q3.pdf --expires-in 15m
  presign url inbox/a.csv --method put --content-length 1024 --curl
""",
)
@click.argument("name", type=object_name, metavar="BUCKET/KEY")
@click.option(
    "--method",
    type=click.Choice(["get", "put", "head", "delete"], case_sensitive=False),
    default="get",
    show_default=True,
)
@click.option("--content-length", type=size, help="With put: the exact size of the body.")
@click.option("--content-type", metavar="TYPE", help="With put, or to override it with get.")
@click.option("--overwrite", is_flag=True, help="With put: replace an object that is there.")
@click.option("--expires-in", type=duration, help="Lifetime, such as 15m.")
@click.option("--curl", "is_curl", is_flag=True, help="Print a command that sends the request.")
@as_json
@calling
def command(
    presign: "Calls",
    *,
    name: tuple[str, str],
    method: str,
    content_length: int | None,
    content_type: str | None,
    overwrite: bool,
    expires_in: int | None,
    is_curl: bool,
    is_json: bool,
) -> None:
    """Print a signed URL. Anyone who has it can use it until it expires."""
    if (method == "put") != (content_length is not None):
        raise click.UsageError("--content-length is for --method put, which needs it.")
    common: Any = {"content_type": content_type, "expires_in": expires_in}
    with waiting():
        if content_length is not None:
            signed = presign.upload_url(*name, content_length, overwrite=overwrite, **common)
        elif method == "get":
            signed = presign.download_url(*name, **common)
        elif method == "head":
            signed = presign.head_url(*name, expires_in=expires_in)
        else:
            signed = presign.delete_url(*name, expires_in=expires_in)
    if is_json:
        print_json(signed)
    else:
        click.echo(_curl(signed) if is_curl else signed.url)
        _remark(signed, is_curl=is_curl)


def _curl(signed: "SignedRequest") -> str:
    method = {"GET": [], "PUT": ["-T", "FILE"], "HEAD": ["--head"]}
    words = ["curl", "-f", *method.get(signed.method, ["-X", signed.method])]
    for header, value in signed.headers.items():
        words += ["-H", f"{header}: {value}"]
    return shlex.join([*words, signed.url])


def _remark(signed: "SignedRequest", *, is_curl: bool) -> None:
    if signed.headers and not is_curl:
        click.echo("presign: send its headers too: --curl and --json show them.", err=True)
    if signed.limited_by and signed.expires_at:
        end = f"{signed.expires_at:%Y-%m-%d %H:%M:%S} UTC"
        click.echo(f"presign: it works until {end}, limited by the {signed.limited_by}.", err=True)
