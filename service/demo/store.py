"""`python -m service.demo.store`: a fake S3, STS and IAM that refuses what S3 refuses.

It is moto behind the gate, in one process. It prints one line when it is ready. Its root key is in
the environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
"""

import json
import os
import time
from collections.abc import Sequence
from datetime import UTC
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, TypeVar
from zipfile import ZipFile

import click
from moto.core.base_backend import BackendDict, BaseBackend
from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.sts.models import sts_backends
from werkzeug.serving import make_server
from werkzeug.test import Client

from service.demo.checksums import CHECKSUMS
from service.demo.gate import RAW_HEADERS, Gate
from service.demo.signatures import StoredKey

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

Backend = TypeVar("Backend", bound=BaseBackend)

BUCKET: Final = "demo"
ROLE: Final = "presign-demo"
QUEUE: Final = "arrivals"
_ACCOUNT: Final = "123456789012"  # moto's
_FIRST_REGION: Final = "us-east-1"  # its buckets have no LocationConstraint
_WHEEL: Final = "pypi/hello-presign/hello_presign-1.0-py3-none-any.whl"
_WHEEL_INFO: Final = "hello_presign-1.0.dist-info"
_WHEEL_FILES: Final = {
    "hello_presign.py": 'print("Hello from a package that pip found in the demo.")\n',
    f"{_WHEEL_INFO}/METADATA": "Metadata-Version: 2.1\nName: hello-presign\nVersion: 1.0\n",
    f"{_WHEEL_INFO}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
_CORS: Final = (
    "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedHeader>*</AllowedHeader>"
    + "".join(
        f"<AllowedMethod>{each}</AllowedMethod>"
        for each in ("GET", "HEAD", "PUT", "POST", "DELETE")
    )
    + "<ExposeHeader>ETag</ExposeHeader><ExposeHeader>x-amz-version-id</ExposeHeader>"
    + "</CORSRule></CORSConfiguration>"
)
_PLACE: Final = (
    "<CreateBucketConfiguration><LocationConstraint>{region}</LocationConstraint>"
    "</CreateBucketConfiguration>"
)
_EVENTS: Final = (
    "<NotificationConfiguration><QueueConfiguration>"
    f"<Queue>arn:aws:sqs:{{region}}:{_ACCOUNT}:{QUEUE}</Queue>"
    "<Event>s3:ObjectCreated:*</Event><Event>s3:ObjectRemoved:*</Event>"
    "</QueueConfiguration></NotificationConfiguration>"
)


class RequestHandler(MotoRequestHandler):
    """Hands on the header lines as they were sent. Logs nothing, since targets are signed URLs."""

    def make_environ(self) -> dict[str, Any]:
        environ = {**super().make_environ(), RAW_HEADERS: self.headers.items()}
        # S3 keeps every checksum. moto 5.2.5 keeps one only if this header names its algorithm too.
        for name in CHECKSUMS if self.command == "PUT" else ():
            if f"x-amz-checksum-{name}" in self.headers:
                environ.setdefault("HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM", name.upper())
        return environ

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=5000, show_default=True)
@click.option("--region", default="us-east-1", show_default=True)
@click.option(
    "--bucket",
    "buckets",
    metavar="NAME",
    multiple=True,
    default=[BUCKET],
    show_default=True,
    help="A bucket to create. Repeat it for several.",
)
@click.option("--empty", is_flag=True, help="Create no bucket, and no role.")
def main(host: str, port: int, region: str, buckets: tuple[str, ...], *, empty: bool) -> None:
    """Run the demo's store until a signal ends it.

    Any role can be assumed with its root key, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
    """
    moto = DomainDispatcherApplication(create_backend_app)
    if not empty:
        prepare(moto, buckets, region)
    root = os.environ["AWS_ACCESS_KEY_ID"]
    keys = {root: StoredKey(secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"])}
    gate = Gate(
        moto,
        find_key=lambda name: keys.get(name) or issued_key(name),
        region=region,
        clock=time.time,
    )
    server = make_server(host, port, gate, threaded=True, request_handler=RequestHandler)
    click.echo(f"The store is ready at http://{host}:{port}.")
    server.serve_forever()


def prepare(moto: "WSGIApplication", buckets: Sequence[str], region: str = _FIRST_REGION) -> None:
    """Create the buckets, with CORS, the role, and a queue that gets the buckets' events.

    In the demo's bucket there is a package then.
    """
    client = Client(moto)
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = {"Action": "CreateRole", "RoleName": ROLE, "AssumeRolePolicyDocument": trust}
    queue = {"Action": "CreateQueue", "QueueName": QUEUE}
    body = "" if region == _FIRST_REGION else _PLACE.format(region=region)
    events = _EVENTS.format(region=region)
    for response in (
        *(client.put(f"/{bucket}", data=body) for bucket in buckets),
        *(client.put(f"/{each}?cors", data=_CORS) for each in buckets),
        *(
            client.put(f"/{each}/{_WHEEL}", data=_example_wheel())
            for each in buckets
            if each == BUCKET
        ),
        client.post("/", data=role, headers=_scope(_FIRST_REGION, "iam")),
        client.post("/", data=queue, headers=_scope(region, "sqs")),
        *(client.put(f"/{each}?notification", data=events) for each in buckets),
    ):
        if response.status_code != 200:
            raise click.ClickException(f"moto refused: {response.get_data(as_text=True)}")


def _scope(region: str, service: str) -> dict[str, str]:
    """Return headers for moto, which chooses the service by them, and verifies nothing."""
    scope = f"Credential=demo/20260101/{region}/{service}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 {scope}"}


def issued_key(access_key_id: str) -> StoredKey | None:
    """Return the key of a session or of a user of this moto, or None."""
    for sts in _backends(sts_backends):
        if (role := sts.get_assumed_role_from_access_key(access_key_id)) is not None:
            return StoredKey(
                secret_access_key=role.secret_access_key,
                token=role.session_token,
                expires_at=role.expiration.replace(tzinfo=UTC).timestamp(),
            )
    for iam in _backends(iam_backends):
        if (key := iam.access_keys.get(access_key_id)) is not None:
            return StoredKey(secret_access_key=key.secret_access_key)
    return None


def _backends(of_accounts: BackendDict[Backend]) -> list[Backend]:
    """Those of all accounts and partitions, in a list: other threads add to them."""
    return [each for account in list(of_accounts.values()) for each in list(account.values())]


def _example_wheel() -> bytes:
    """Return a package that the demo's index has from its start."""
    record = f"{_WHEEL_INFO}/RECORD"
    listed = "".join(f"{name},,\n" for name in (*_WHEEL_FILES, record))
    content = BytesIO()
    with ZipFile(content, "w") as wheel:
        for name, text in {**_WHEEL_FILES, record: listed}.items():
            wheel.writestr(name, text)
    return content.getvalue()


if __name__ == "__main__":
    main()
