"""`presign demo`: the service and moto in one process tree, with a bucket, a role and a caller.

`python -m service.cli.demo URL` creates the bucket and the role in a moto that already runs, as the
compose file does. moto checks no signature, so the demo proves nothing about signing.
"""

import asyncio
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import boto3
import click
import httpx
import uvicorn
from botocore.config import Config

from service.access.grants import Operation
from service.app.builders import locations
from service.app.factory import create_app
from service.auth.api_keys import digest_of
from service.config.links import KEY_BYTES, new_key
from service.config.settings import Settings
from service.s3.endpoints import resolve

HOST: Final = "127.0.0.1"
BUCKET: Final = "demo"
API_KEY: Final = "demo"
ROLE: Final = "presign-demo"
ROLE_ARN: Final = f"arn:aws:iam::123456789012:role/{ROLE}"  # moto's account
_START_SECONDS: Final = 30.0
_CORS: Final = {
    "CORSRules": [
        {
            "AllowedMethods": ["GET", "HEAD", "PUT", "POST", "DELETE"],
            "AllowedOrigins": ["*"],
            "AllowedHeaders": ["*"],
            "ExposeHeaders": ["ETag", "x-amz-version-id"],
        }
    ]
}


def run_demo(*, port: int, store_port: int) -> None:
    """Run both until Ctrl-C or SIGTERM, and end both."""
    store_url = f"http://{HOST}:{store_port}"
    _check_port(port, "--port")
    _check_port(store_port, "--store-port")
    # uvicorn raises the signal again when it ends. That must not kill us before moto has ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with _moto(store_port, store_url), TemporaryDirectory() as directory:
        prepare(store_url)
        link_key = Path(directory, "link.key")
        link_key.write_text(new_key(secrets.token_bytes(KEY_BYTES)), encoding="ascii")
        settings = demo_settings(store_url, f"http://{HOST}:{port}", link_key)
        addresses = asyncio.run(resolve(locations(settings)))
        app = create_app(settings, addresses=addresses)
        server = _Server(
            uvicorn.Config(app, host=HOST, port=port, log_config=None, access_log=False)
        )
        with suppress(KeyboardInterrupt):  # uvicorn raises it again when it ends
            server.run()
    if not server.started:
        raise click.ClickException("the service did not start")


def prepare(store_url: str) -> None:
    """Create the bucket, with CORS, and the role, unless they exist."""
    # moto accepts any keys, but the AWS default chain has to find some.
    os.environ.update(AWS_ACCESS_KEY_ID="demo", AWS_SECRET_ACCESS_KEY="demo")  # noqa: S106
    client = partial(boto3.client, endpoint_url=store_url, region_name="us-east-1")
    s3 = client("s3", config=Config(s3={"addressing_style": "path"}))
    iam = client("iam")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration=_CORS)
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=document)


def demo_settings(store_url: str, url: str, link_key: Path) -> Settings:
    """Return settings with one bucket, one caller that may do everything in it, and the console.

    `url` is the service's own. `link_key` seals share links, and each run has its own.
    """
    grant = {
        "bucket": BUCKET,
        "prefix": "",
        "allow": [*Operation],
        "allow_overwrite": True,
        "max_expires_in": 3600,
    }
    bucket = {
        "region": "us-east-1",
        "role_arn": ROLE_ARN,
        "endpoint_url": store_url,
        "sts_endpoint_url": store_url,
    }
    caller = {"api_key": "demo", "sha256": [digest_of(API_KEY)], "grants": [grant]}
    sections = {
        "buckets": {BUCKET: bucket},
        "callers": [caller],
        "console": True,
        "links": {"keys": [link_key], "url": url},
    }
    return Settings.model_validate(sections)


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            click.echo(_welcome(f"http://{self.config.host}:{self.config.port}"))


def _welcome(url: str) -> str:
    """Return lines to paste: an upload, a download and a share link, each by curl alone."""
    return f"""
presign is ready at {url} (API key `{API_KEY}`, bucket `{BUCKET}`). Its console is at {url}/console.
Paste this into another shell:

printf hello > hello.txt
curl -fsSL -u x:{API_KEY} -T hello.txt {url}/o/{BUCKET}/hello.txt
curl -fsSL -u x:{API_KEY} {url}/o/{BUCKET}/hello.txt
curl -fsS {url}/v1/links -H 'Authorization: Bearer {API_KEY}' -d '{{"bucket": "{BUCKET}", "key": "hello.txt"}}'

Ctrl-C ends it.
"""


@contextmanager
def _moto(port: int, url: str) -> Iterator[None]:
    command = [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(port)]
    # A separate process group: Ctrl-C must reach the service only, which ends moto at its end.
    with subprocess.Popen(  # noqa: S603 - this interpreter
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            _wait_for(url, process)
            yield
        finally:
            process.terminate()
            process.wait(timeout=10)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"{url}/moto-api/", timeout=1, trust_env=False)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise click.ClickException("moto did not start; is the extra `demo` installed?")


def _check_port(port: int, option: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise click.ClickException(
                f"port {port} is in use; choose another with {option}"
            ) from None


if __name__ == "__main__":
    prepare(sys.argv[1])
