"""docs/remote-signing.md: PyIceberg, boto3 and s3fs without credentials, on two verifying stores."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.clients.toolchains import GENERATORS
from tests.docs.documents import commands
from tests.end_to_end.remote_signing import CALLER
from tests.support.service import API_KEY, RunningService, run_service
from tests.support.stores import Store

CLIENT: Final = Path(__file__).parents[2] / "client"
PAGE: Final = "docs/remote-signing.md"
ICEBERG: Final = Path(
    os.environ.get("TESTS_ICEBERG", Path(__file__).parents[2] / ".venv-iceberg" / "bin")
)


@dataclass(frozen=True, kw_only=True)
class Signing:
    """The service in front of a store, and where programs run."""

    url: str
    store: Store
    directory: Path

    def run(
        self, contains: str, python: Path, prefix: str = "wh"
    ) -> subprocess.CompletedProcess[str]:
        """Run a block of the page with these addresses, and no credentials in its environment."""
        [block] = [each for each in commands(PAGE) if contains in each.text]
        text = block.text.replace("https://presign.example.com", self.url)
        text = text.replace("https://store.example.com", self.store.endpoint_url)
        text = text.replace('bucket="lake"', 'bucket="objects"').replace(
            "lake/wh", f"lake/{prefix}"
        )
        text = text.replace("sign/lake/", "sign/objects/")
        text = text.replace("s3://lake/", f"s3://{self.store.bucket}/")
        text = text.replace('"lake/', f'"{self.store.bucket}/')
        text = text.replace('Bucket="lake"', f'Bucket="{self.store.bucket}"')
        return subprocess.run(
            [python, "-c", text],
            cwd=self.directory,
            env={
                "PATH": os.defpath,
                "HOME": str(self.directory),
                "AWS_EC2_METADATA_DISABLED": "true",
                "PRESIGN_TOKEN": API_KEY,
                "PYTHONPATH": str(CLIENT),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    @property
    def keys(self) -> list[str]:
        """What is left of these tests. Others use the same store."""
        admin, bucket = self.store.admin_client(), self.store.bucket
        listed = [admin.list_objects_v2(Bucket=bucket, Prefix=each) for each in ("wh/", "other/")]
        return [each["Key"] for part in listed for each in part.get("Contents", [])]


@pytest.fixture(scope="module")
def service(
    verifying_store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    with run_service(
        verifying_store, tmp_path_factory.mktemp("service"), callers=[CALLER]
    ) as running:
        yield running


@pytest.fixture(name="signing")
def _signing(verifying_store: Store, service: RunningService, tmp_path: Path) -> Signing:
    url = str(service.client.base_url).rstrip("/")
    return Signing(url=url, store=verifying_store, directory=tmp_path)


def python_of_iceberg() -> Path:
    python = ICEBERG / "python"
    assert python.exists(), "PyIceberg is missing: `make clients` installs it"
    return python


def test_pyiceberg_writes_reads_and_purges_a_table(signing: Signing) -> None:
    done = signing.run("load_catalog", python_of_iceberg())
    assert (done.returncode, done.stdout) == (0, "100000\n5\n"), done.stderr
    assert signing.keys == []


def test_pyiceberg_makes_no_table_under_anothers_prefix(signing: Signing) -> None:
    done = signing.run("load_catalog", python_of_iceberg(), prefix="other")
    assert done.returncode == 1
    assert "SignError: Failed to sign request 403" in done.stderr
    assert API_KEY not in done.stderr
    assert signing.keys == []


def test_boto3_needs_no_credentials(signing: Signing) -> None:
    done = signing.run("boto3.Session", Path(sys.executable))
    assert (done.returncode, done.stdout) == (0, "hello\n"), done.stderr
    assert signing.keys == []


def test_s3fs_needs_no_credentials(signing: Signing) -> None:
    done = signing.run("S3FileSystem", GENERATORS / "python")
    assert (done.returncode, done.stdout) == (0, "hello\n"), done.stderr
    assert signing.keys == []
