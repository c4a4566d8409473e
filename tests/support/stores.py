"""Three S3 and STS servers, each a real process on loopback.

moto is the store of the demo, behind the demo's gate. MiniStack and SeaweedFS verify on their own.
Each has base credentials that may only assume the role, and a role that may do everything in two
buckets and nothing elsewhere. moto enforces no policy.

A store that cannot start is a failure, never a skip.
"""

import base64
import json
import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.support.processes import free_ports, run_process

REGION = "eu-west-1"  # us-east-1 is the default everywhere and would hide bugs
BUCKET = "presign-objects"
VERSIONED_BUCKET = "presign-versions"
ROLE = "presign-role"
USER = "presign-service"
ROOT_KEY_ID = "AKIAROOTROOTROOTROOT"
ROOT_SECRET = "root-secret-of-a-throw-away-store"
ROOT_KEYS = {"aws_access_key_id": ROOT_KEY_ID, "aws_secret_access_key": ROOT_SECRET}
BODY = b"hello, store"
SEAWEEDFS_IAM = "arn:aws:iam::000000000000"
SEAWEEDFS_BASE_KEY_ID = "AKIABASEBASEBASEBASE"
SEAWEEDFS_BASE_SECRET = "base-secret-of-a-throw-away-store"
MINISTACK_PYTHON = Path(__file__).parents[2] / ".venv-ministack" / "bin" / "python"
# Each has a fixed default port, and a gRPC port 10,000 higher.
SEAWEEDFS_PARTS = ("s3", "master", "volume", "filer")
ANY_ORIGIN = {
    "AllowedOrigins": ["*"],
    "AllowedMethods": ["GET", "HEAD", "PUT", "POST", "DELETE"],
    "AllowedHeaders": ["*"],
    "ExposeHeaders": ["ETag"],
}


@dataclass(frozen=True, kw_only=True)
class Store:
    """A running store. The credentials are the base ones: they may only assume the role."""

    name: str
    endpoint_url: str
    sts_endpoint_url: str
    region: str = REGION
    access_key_id: str
    secret_access_key: str = field(repr=False)
    role_arn: str
    bucket: str = BUCKET
    versioned_bucket: str = VERSIONED_BUCKET
    _admin: Any = field(repr=False, compare=False)

    @property
    def base_keys(self) -> dict[str, str]:
        """Return the base credentials as environment variables."""
        return {name.upper(): value for name, value in self.credentials.items()}

    @property
    def credentials(self) -> dict[str, str]:
        """Return the base credentials as boto3 names them."""
        return {
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key,
        }

    def admin_client(self) -> Any:
        """Return root's shared S3 client, to see what was really stored."""
        return self._admin

    def put(self, key: str, body: bytes = BODY, *, bucket: str | None = None) -> str:
        """Put an object as root, and return its version id, or an empty string."""
        put = self._admin.put_object(Bucket=bucket or self.bucket, Key=key, Body=body)
        return str(put.get("VersionId", ""))

    def content(self, key: str) -> bytes | None:
        """Return the object as root sees it, or None."""
        try:
            with self._admin.get_object(Bucket=self.bucket, Key=key)["Body"] as stream:
                body: bytes = stream.read()
        except self._admin.exceptions.NoSuchKey:
            return None
        return body

    def empty(self, prefix: str) -> None:
        """Delete all objects below a prefix, as root."""
        pages = self._admin.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self.bucket, Prefix=prefix):
            for each in page.get("Contents", []):
                self._admin.delete_object(Bucket=self.bucket, Key=each["Key"])

    def head(self, key: str, *, bucket: str | None = None) -> dict[str, Any]:
        """Return the object's headers as botocore names them."""
        found: dict[str, Any] = self._admin.head_object(Bucket=bucket or self.bucket, Key=key)
        return found


@contextmanager
def moto(directory: Path) -> Iterator[Store]:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "service.demo.store", "--empty", "--port", str(port)]
    root = {"AWS_ACCESS_KEY_ID": ROOT_KEY_ID, "AWS_SECRET_ACCESS_KEY": ROOT_SECRET}
    with (
        run_process([*command, "--region", REGION], directory, f"{url}/moto-api/", **root),
        _buckets(url) as admin,
    ):
        yield _store_with_iam("moto", url, admin)


@contextmanager
def ministack(directory: Path) -> Iterator[Store]:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    python = os.environ.get("TESTS_MINISTACK") or str(MINISTACK_PYTHON)
    settings = {"AUTH": "true", "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
    root = {"AWS_ACCESS_KEY_ID": ROOT_KEY_ID, "AWS_SECRET_ACCESS_KEY": ROOT_SECRET}
    command, health = [python, "-m", "ministack"], f"{url}/_ministack/health"
    with run_process(command, directory, health, **settings, **root), _buckets(url) as admin:
        yield _store_with_iam("ministack", url, admin)


@contextmanager
def seaweedfs(directory: Path) -> Iterator[Store]:
    names = [f"{part}.port{kind}" for part in SEAWEEDFS_PARTS for kind in ("", ".grpc")]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    url = f"http://127.0.0.1:{ports['s3.port']}"
    command = _seaweedfs_command(ports)
    _write_seaweedfs_configuration(directory)
    with ExitStack() as stack:
        stack.callback(_remove_seaweedfs_sockets, ports)
        stack.enter_context(run_process(command, directory, f"{url}/healthz"))
        admin = stack.enter_context(_buckets(url))
        yield Store(
            name="seaweedfs",
            endpoint_url=url,
            sts_endpoint_url=url,
            access_key_id=SEAWEEDFS_BASE_KEY_ID,
            secret_access_key=SEAWEEDFS_BASE_SECRET,
            role_arn=f"{SEAWEEDFS_IAM}:role/{ROLE}",
            _admin=admin,
        )


def _seaweedfs_command(ports: Mapping[str, int]) -> list[str]:
    weed = Path(sysconfig.get_path("scripts")) / "weed"
    parts = ["-filer", "-s3", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]
    hosts = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3.domainName=localhost"]
    files = ["-dir=.", "-s3.config=s3.json", "-s3.iam.config=iam.json"]
    # Relative to its directory: a socket's path has little more than 100 bytes.
    sockets = ["-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock"]
    sizes = ["-master.volumeSizeLimitMB=64", "-volume.max=400"]
    given = [f"-{name}={port}" for name, port in ports.items()]
    return [str(weed), "server", *parts, *hosts, *files, *sockets, *sizes, *given]


def _remove_seaweedfs_sockets(ports: Mapping[str, int]) -> None:
    # It puts them outside its directory, and has no setting for that.
    for part in SEAWEEDFS_PARTS:
        port = ports[f"{part}.port.grpc"]
        Path(f"/tmp/seaweedfs-{part}-grpc-{port}.sock").unlink(missing_ok=True)


def _write_seaweedfs_configuration(directory: Path) -> None:
    root = _identity("root", ROOT_KEY_ID, ROOT_SECRET, "Admin")
    base = _identity(USER, SEAWEEDFS_BASE_KEY_ID, SEAWEEDFS_BASE_SECRET, "sts:AssumeRole")
    (directory / "s3.json").write_text(json.dumps({"identities": [root, base]}))
    (directory / "iam.json").write_text(json.dumps(_seaweedfs_iam()))


def _identity(name: str, key_id: str, secret: str, action: str) -> dict[str, Any]:
    credentials = [{"accessKey": key_id, "secretKey": secret}]
    return {"name": name, "credentials": credentials, "actions": [action]}


def _seaweedfs_iam() -> dict[str, Any]:
    signing_key = base64.b64encode(b"a key of thirty-two bytes, or so").decode()
    # A trust policy with any other action, such as TagSession, loses the role, with a warning in
    # the log.
    trust = _trust(f"{SEAWEEDFS_IAM}:user/{USER}", "sts:AssumeRole")
    role = {"roleName": ROLE, "roleArn": f"{SEAWEEDFS_IAM}:role/{ROLE}", "trustPolicy": trust}
    return {
        "sts": {"issuer": "seaweedfs", "signingKey": signing_key, "maxSessionLength": "12h"},
        "policies": [{"name": "buckets", "document": _everything_in_the_buckets()}],
        "roles": [{**role, "attachedPolicies": ["buckets"]}],
    }


def _store_with_iam(name: str, url: str, admin: Any) -> Store:
    with closing(client("iam", url)) as iam:
        iam.create_user(UserName=USER)
        role = _make_role(iam, ROLE, "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")
        key = iam.create_access_key(UserName=USER)["AccessKey"]
    return Store(
        name=name,
        endpoint_url=url,
        sts_endpoint_url=url,
        access_key_id=key["AccessKeyId"],
        secret_access_key=key["SecretAccessKey"],
        role_arn=role,
        _admin=admin,
    )


def ministack_role(
    store: Store, name: str, *trusted: str, condition: dict[str, Any] | None = None
) -> str:
    """Create another MiniStack role that may do everything in the buckets, if `condition` holds.

    Its trust policy allows only `trusted`; the user has the permission to assume it.
    """
    with closing(client("iam", store.endpoint_url)) as iam:
        return _make_role(iam, name, *trusted, condition=condition)


def _make_role(iam: Any, name: str, *trusted: str, condition: dict[str, Any] | None = None) -> str:
    trust = json.dumps(_trust(iam.get_user(UserName=USER)["User"]["Arn"], *trusted))
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    buckets = _everything_in_the_buckets()
    buckets["Statement"][0] |= {"Condition": condition} if condition else {}
    document = json.dumps(buckets)
    iam.put_role_policy(RoleName=name, PolicyName="buckets", PolicyDocument=document)
    role: str = made["Role"]["Arn"]
    assume = json.dumps(_policy({"Action": "sts:AssumeRole", "Resource": role}))
    iam.put_user_policy(UserName=USER, PolicyName=f"assume-{name}", PolicyDocument=assume)
    return role


def _trust(principal: str, *actions: str) -> dict[str, Any]:
    return _policy({"Action": list(actions), "Principal": {"AWS": principal}})


def _everything_in_the_buckets() -> dict[str, Any]:
    arns = [f"arn:aws:s3:::{bucket}" for bucket in (BUCKET, VERSIONED_BUCKET)]
    return _policy({"Action": "s3:*", "Resource": [*arns, *(f"{arn}/*" for arn in arns)]})


def _policy(statement: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}


@contextmanager
def _buckets(url: str) -> Iterator[Any]:
    with closing(client("s3", url)) as admin:
        for bucket in (BUCKET, VERSIONED_BUCKET):
            place = {"LocationConstraint": REGION}
            admin.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
            admin.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [ANY_ORIGIN]})
        versioning = {"Status": "Enabled"}
        admin.put_bucket_versioning(Bucket=VERSIONED_BUCKET, VersioningConfiguration=versioning)
        # SeaweedFS reports healthy before it can store anything.
        admin.put_object(Bucket=BUCKET, Key="ready", Body=b"ready")
        admin.delete_object(Bucket=BUCKET, Key="ready")
        yield admin


def keys_of(given: Mapping[str, str]) -> dict[str, str]:
    """Return the credentials in an answer of STS or IAM, as boto3 names them."""
    names = {"aws_access_key_id": "AccessKeyId", "aws_secret_access_key": "SecretAccessKey"}
    if "SessionToken" in given:
        names["aws_session_token"] = "SessionToken"
    return {name: given[theirs] for name, theirs in names.items()}


def client(service: str, url: str, credentials: Mapping[str, str] = ROOT_KEYS) -> Any:
    """Return a boto3 client for `service` at `url`, to be closed."""
    # An empty `proxies` keeps botocore from reading them from the environment.
    signature = "s3v4" if service == "s3" else "v4"
    settings = Config(signature_version=signature, s3={"addressing_style": "path"}, proxies={})
    session = boto3.Session()
    where = {"endpoint_url": url, "region_name": REGION}
    return session.client(service, **where, **credentials, config=settings)


def new_user(store: Store, name: str, policy: str) -> dict[str, str]:
    """Create a MiniStack user with only this policy, and return its keys."""
    with closing(client("iam", store.endpoint_url)) as iam:
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=policy)
        return keys_of(iam.create_access_key(UserName=name)["AccessKey"])
