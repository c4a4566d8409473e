"""Who moves files to a store and back: presign's clients, and others with credentials of their own."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.lines import Line
from tests.clients.toolchains import GENERATORS
from tests.end_to_end.examples import command
from tests.support import stores
from tests.support.service import API_KEY

PARALLEL: Final = 4
PART_MIB: Final = 8  # what the service chooses for 300 MiB, and boto3's default
KEY: Final = "client"  # of the object that all download
PLAIN: Final = "plain"  # the same without a checksum, as the others read it
_PRESIGN: Final = (sys.executable, "-m", "presign_client")
_BOTO3: Final = """
import sys
import boto3
from boto3.s3.transfer import TransferConfig
call, endpoint, region, bucket, file, key, part_mib, parallel = sys.argv[1:]
settings = {}
if int(parallel):
    part = int(part_mib) * 2**20
    settings = {"multipart_chunksize": part, "max_concurrency": int(parallel)}
client, config = boto3.client("s3", endpoint_url=endpoint, region_name=region), TransferConfig(**settings)
arguments = (file, bucket, key) if call == "upload_file" else (bucket, key, file)
getattr(client, call)(*arguments, Config=config)
"""


@dataclass(frozen=True, slots=True)
class Sender:
    """A process that is timed. `made` is the key of an object to remove afterwards."""

    name: str
    command: list[str]
    environment: dict[str, str]
    made: str = ""
    is_reference: bool = False


@dataclass(frozen=True, slots=True)
class Senders:
    """All that move files between this machine and one store."""

    store: stores.Store
    line: Line  # to the store
    url: str  # of the service
    state: Path  # of presign's client

    def up(self, file: Path) -> Iterator[Sender]:
        yield self._presign("presign put", "put", str(file), f"objects/{KEY}")
        yield self._example(file)
        yield self._boto3("boto3, its defaults", "upload_file", file, "boto3-defaults", 0)
        yield self._boto3(f"boto3, {PARALLEL} parts", "upload_file", file, "boto3-parts", PARALLEL)
        yield self._aws("aws s3 cp", [str(file), self._s3("aws")], "aws")
        yield self._s5cmd("s5cmd cp", [*self._s5cmd_parts(), str(file), self._s3("s5cmd")], "s5cmd")
        if shutil.which("rclone"):
            to = f":s3:{self.store.bucket}/rclone"
            yield self._rclone("rclone copyto", ["copyto", str(file), to], "rclone")

    def plain(self, file: Path) -> Sender:
        """Return what stores the object without a checksum, which no other sender does."""
        return self._s5cmd("s5cmd", [*self._s5cmd_parts(), str(file), self._s3(PLAIN)])

    def down(self, copy: Path) -> Iterator[Sender]:
        yield self._presign("presign get", "get", f"objects/{KEY}", str(copy))
        without = "presign get, without a checksum"
        yield self._presign(without, "get", f"objects/{PLAIN}", str(copy))
        yield self._boto3(f"boto3, {PARALLEL} parts", "download_file", copy, KEY, PARALLEL)
        yield self._aws("aws s3 cp", [self._s3(KEY), str(copy)])
        yield self._s5cmd("s5cmd cp", [*self._s5cmd_parts(), self._s3(KEY), str(copy)])
        if shutil.which("rclone"):
            where = [f":s3:{self.store.bucket}/{KEY}", str(copy)]
            yield self._rclone("rclone copyto", ["copyto", "--ignore-times", *where])

    def folder(self, folder: Path) -> Iterator[Sender]:
        name = folder.name
        yield self._presign("presign put -r", "put", "-r", str(folder), f"objects/{name}/")
        where = ["--recursive", str(folder), self._s3(f"aws-{name}/")]
        yield self._aws("aws s3 cp --recursive", where)
        yield self._s5cmd("s5cmd cp", [f"{folder}/", self._s3(f"s5cmd-{name}/")])
        if shutil.which("rclone"):
            to = f":s3:{self.store.bucket}/rclone-{name}"
            yield self._rclone("rclone copy", ["copy", str(folder), to])

    def folder_down(self, name: str, copy: Path) -> Iterator[Sender]:
        """Download what `presign put -r` has uploaded, so that all read the same objects."""
        yield self._presign("presign get -r", "get", "-r", f"objects/{name}/", str(copy))
        where = ["--recursive", self._s3(f"{name}/"), str(copy)]
        yield self._aws("aws s3 cp --recursive", where)
        yield self._s5cmd("s5cmd cp", [self._s3(f"{name}/*"), f"{copy}/"])
        if shutil.which("rclone"):
            source = f":s3:{self.store.bucket}/{name}"
            yield self._rclone("rclone copy", ["copy", source, str(copy)])

    def _presign(self, name: str, *arguments: str) -> Sender:
        settings = {
            "PRESIGN_URL": self.url,
            "PRESIGN_TOKEN": API_KEY,
            "XDG_STATE_HOME": str(self.state),
        }
        return Sender(name, [*_PRESIGN, *arguments], settings | self.line.environment)

    def _example(self, file: Path) -> Sender:
        options = ["--service", self.url, "--bucket", "objects", "--parallel", str(PARALLEL)]
        arguments = [*options, str(file), "javascript"]
        token = {"PRESIGN_TOKEN": API_KEY} | self.line.environment
        return Sender("examples/upload.mjs", [*command(), *arguments], token, "javascript")

    def _boto3(self, name: str, call: str, file: Path, key: str, parallel: int) -> Sender:
        where = [self.line.url, self.store.region, self.store.bucket, str(file), key]
        script = [sys.executable, "-c", _BOTO3, call, *where, str(PART_MIB), str(parallel)]
        return Sender(name, script, self._own, "" if key == KEY else key, is_reference=True)

    def _aws(self, name: str, arguments: list[str], made: str = "") -> Sender:
        where = ["--endpoint-url", self.line.url, "--region", self.store.region]
        copying = [str(GENERATORS / "aws"), "s3", "cp", "--quiet", *arguments, *where]
        return Sender(name, copying, self._own, made, is_reference=True)

    def _s5cmd(self, name: str, arguments: list[str], made: str = "") -> Sender:
        # The program itself: the package's command is a Python that starts it.
        [program] = GENERATORS.parent.glob("lib/python*/site-packages/s5cmd/bin/s5cmd")
        options = ["--log", "error", "--endpoint-url", self.line.url, "cp"]
        return Sender(name, [str(program), *options, *arguments], self._own, made)

    def _s5cmd_parts(self) -> list[str]:
        return ["--concurrency", str(PARALLEL), "--part-size", str(PART_MIB)]

    def _rclone(self, name: str, arguments: list[str], made: str = "") -> Sender:
        store = ["--s3-provider", "Other", "--s3-endpoint", self.line.url]
        options = [
            *store,
            "--s3-region",
            self.store.region,
            "--s3-env-auth",
            "--s3-no-check-bucket",
        ]
        parts = ["--s3-chunk-size", f"{PART_MIB}Mi", "--s3-upload-concurrency", str(PARALLEL)]
        streams = ["--multi-thread-streams", str(PARALLEL), "--config", os.devnull]
        copying = ["rclone", *arguments, *options, *parts, *streams]
        own = {**self._own, "HOME": str(self.state)}
        own.pop("AWS_CA_BUNDLE", None)  # it ends with one, and reads SSL_CERT_FILE
        return Sender(name, copying, own, made)

    def _s3(self, key: str) -> str:
        return f"s3://{self.store.bucket}/{key}"

    @property
    def _own(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": stores.ROOT_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": stores.ROOT_SECRET,
            "AWS_REGION": self.store.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            **self.line.environment,
        }
