"""The service of the demo: its settings, what it prints, and uvicorn."""

import json
import secrets
import shlex
import shutil
import socket
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click
import uvicorn

from service.access.grants import Operation
from service.app.builders import locations
from service.app.environment import Environment
from service.app.factory import create_app
from service.app.settings import Settings, settings_of
from service.auth.api_keys import digest_of
from service.clock import SystemClock
from service.config.key_files import KEY_BYTES, new_key
from service.config.reading import Files
from service.demo import hook
from service.demo.doors import (
    API_KEY,
    BUCKET,
    CACHE,
    MODELS,
    PACKAGES,
    PATH,
    REGION,
    doors,
    page_of,
)
from service.errors import ConfigurationError
from service.protocols.links.settings import MEMORY
from service.s3.endpoints import resolve
from service.telemetry.logs import plain_handler, set_up_logging

ACCOUNT: Final = "123456789012"  # moto's
ROLE_ARN: Final = f"arn:aws:iam::{ACCOUNT}:role/presign-demo"
QUEUE: Final = "arrivals"  # the store puts its events into it


def serve(host: str, port: int, *, store_url: str, origins: Sequence[str]) -> None:
    """Run the service until a signal ends it. Pages of `origins` may call it."""
    url, presign, secret = f"http://{host}:{port}", _command(), hook.new_secret()
    set_up_logging("WARNING", plain_handler())
    with TemporaryDirectory() as directory:
        link_key = Path(directory, "link.key")
        link_key.write_text(new_key(secrets.token_bytes(KEY_BYTES)), encoding="ascii")
        try:
            settings = demo_settings(store_url, url, link_key, origins=origins, secret=secret)
            addresses = resolve(locations(settings)).addresses
        except ConfigurationError as error:
            raise click.ClickException("\n".join(map(str, error.problems))) from None
        app = create_app(settings, addresses, Environment(write_audit=_show))
        python = shlex.quote(sys.executable)
        app.include_router(page_of(doors(url, store_url, presign=presign, python=python)))
        app.include_router(hook.hook_of(secret, wall=SystemClock().wall, show=_show_event))
        config = uvicorn.Config(app, host=host, port=port, log_config=None, access_log=False)
        server = _Server(config)
        with suppress(KeyboardInterrupt):  # uvicorn raises it again when it ends
            server.run()
    if not server.started:
        raise click.ClickException("the service did not start")


def demo_settings(
    store_url: str,
    url: str,
    link_key: Path,
    *,
    origins: Sequence[str] = (),
    secret: str | None = None,
) -> Settings:
    """Return settings with one bucket, one caller that may do everything in it, and all protocols.

    `url` is the service's own. `link_key` seals share links, and `secret` signs what the demo's
    hook gets; each run has its own. Without a secret there are no arrivals. Raises
    ConfigurationError for a variable of the environment.
    """
    # Nobody pushes events: the queue has them.
    allowed = [operation for operation in Operation if operation is not Operation.NOTIFY]
    grant = {
        "bucket": BUCKET,
        "prefix": "",
        "allow": allowed,
        "allow_overwrite": True,
        "max_expires_in": 3600,
        "max_link_expires_in": 30 * 86_400,
    }
    bucket = {
        "region": REGION,
        "role_arn": ROLE_ARN,
        "endpoint_url": store_url,
        "sts_endpoint_url": store_url,
        "conditional_copies": True,  # the gate obeys them
    }
    caller = {"api_key": "demo", "sha256": [digest_of(API_KEY)], "grants": [grant]}
    sections: dict[str, Any] = {
        "server": {"public_url": url, "cors_origins": list(origins)},
        "buckets": {BUCKET: bucket},
        "callers": [caller],
        "console": True,
        "hugging_face": {"models": {"bucket": BUCKET, "prefix": MODELS}},
        "links": {"keys": [link_key], "store_url": MEMORY},
        "package_index": {BUCKET: {"bucket": BUCKET, "prefix": PACKAGES}},
        "git_lfs": {"repositories": {BUCKET: {"bucket": BUCKET, "prefix": "lfs/"}}},
        "build_caches": {BUCKET: {"bucket": BUCKET, "trusted": CACHE}},
        "mcp": True,
        "mlflow": {"roots": {BUCKET: {"bucket": BUCKET, "prefix": "mlflow/"}}},
        "uppy": {"bucket": BUCKET, "prefix": "uppy/{caller}/"},
    }
    if secret is not None:
        sections["arrivals"] = _arrivals(store_url, url, secret)
    return settings_of(Files(Path("presign demo"), sections, sections))


def _arrivals(store_url: str, url: str, secret: str) -> dict[str, Any]:
    events = ["created", "removed"]
    own = {"bucket": BUCKET, "prefix": "", "url": f"{url}{hook.PATH}", "secret": secret}
    return {
        "queue_url": f"{store_url}/{ACCOUNT}/{QUEUE}",
        "hooks": {"demo": {**own, "events": events}},
    }


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            click.echo(banner(f"http://{self.config.host}:{self.config.port}", _command()))


def _command() -> str:
    """Return the client's command as a shell finds it, whatever its directory."""
    path = Path(sys.executable).with_name("presign")
    return "presign" if shutil.which("presign") == str(path) else shlex.quote(str(path))


def banner(url: str, presign: str) -> str:
    """Return lines to paste: a put, a get, a share link, and a request that the store refuses."""
    return f"""
presign is ready at {url} (API key `{API_KEY}`, bucket `{BUCKET}`), its console at {url}/console.
Paste into another shell: put (only if there is none: a second time it is a 412), get, share; then one byte more than
was signed, and why that is a 403:

printf hello > hello.txt && curl -fsSL -u x:{API_KEY} -H 'If-None-Match: *' -T hello.txt {url}/o/{BUCKET}/hello.txt
curl -fsSL -u x:{API_KEY} {url}/o/{BUCKET}/hello.txt
export PRESIGN_URL={url} PRESIGN_TOKEN={API_KEY} && {presign} link {BUCKET}/hello.txt
{presign} url {BUCKET}/five.txt --method put --content-length 5 --curl > put.sh; printf 'hello!' > FILE; sh put.sh
{presign} diagnose --curl --status 403 --service $PRESIGN_URL < put.sh

{url}{PATH} has a line for pip, Git LFS, MLflow, huggingface_hub, build caches, Uppy, boto3 with remote signing, AWS credentials, and webhooks.
What arrives in the bucket is printed here too, by a hook that gets signed requests.

Ctrl-C ends it.
"""


def _show(lines: Iterable[bytes]) -> None:
    """Print audit lines for people."""
    for line in lines:
        entry = json.loads(line)
        if entry.get("operation") == Operation.NOTIFY and "hook" in entry:
            continue  # the hook prints what it got
        name = json.dumps("/".join(filter(None, (entry.get("bucket"), *entry.get("keys", [])[:1]))))
        words = entry["time"][11:19], entry["decision"], entry.get("operation"), name
        click.echo(" ".join(filter(None, (*words, entry.get("reason")))))


def _show_event(time: str, words: str) -> None:
    click.echo(f"{time[11:19]} hook {words}")
