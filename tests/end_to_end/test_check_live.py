"""`presign check --live` in front of stores that verify signatures."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from service.cli.main import main
from tests.deploy.iam.files import read
from tests.support.service import make_settings
from tests.support.stores import Store


def check(store: Store, directory: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Run the command with the service's own keys, which may only assume the role."""
    path = directory / "presign.yaml"
    path.write_text(json.dumps(settings))
    environment = {**store.base_keys, "AWS_EC2_METADATA_DISABLED": "true"}
    done = CliRunner(env=environment).invoke(main, ["check", str(path), "--live", "--json"])
    assert done.stderr == ""
    assert "X-Amz-" not in done.stdout
    report: dict[str, Any] = json.loads(done.stdout)
    assert done.exit_code == (1 if report["errors"] else 0)
    return report


@contextmanager
def aborting(store: Store) -> Iterator[None]:
    """Give the bucket the lifecycle rule of deploy/iam."""
    admin, bucket = store.admin_client(), store.bucket
    rules = read("lifecycle.json")
    admin.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=rules)
    try:
        yield
    finally:
        admin.delete_bucket_lifecycle(Bucket=bucket)


def content(store: Store) -> tuple[list[str], list[str]]:
    """Return the keys in the bucket, and the keys of open uploads."""
    admin, bucket = store.admin_client(), store.bucket
    keys = admin.list_objects_v2(Bucket=bucket).get("Contents", [])
    uploads = admin.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    return [each["Key"] for each in keys], [each["Key"] for each in uploads]


def test_what_works_and_what_is_wrong_is_reported(verifying_store: Store, tmp_path: Path) -> None:
    settings = make_settings(verifying_store)
    good = settings["buckets"].pop("versions") | {"bucket": verifying_store.bucket}
    other_role = f"{verifying_store.role_arn}-of-others"
    settings["server"] = {"cors_origins": ["https://app.example.com"]}
    settings["buckets"] |= {
        "absent": {**good, "bucket": "presign-absent"},
        "untrusted": {**good, "role_arn": other_role},
    }
    settings["callers"][0]["grants"] = [
        {"bucket": name, "prefix": "a/", "allow": ["download", "multipart", "list"]}
        for name in settings["buckets"]
    ]
    before = content(verifying_store)

    with aborting(verifying_store):
        report = check(verifying_store, tmp_path, settings)

    assert content(verifying_store) == before
    works = [line for line in report["live"] if line.startswith("buckets.objects: ")]
    assert [line.removeprefix("buckets.objects: ") for line in works][:5] == [
        "the role can be assumed, for 3600 s",
        "a signed request works",
        "a URL whose key was changed is refused",
        "its CORS rules allow the pages of https://app.example.com",
        "incomplete uploads are aborted after 7 days",
    ]
    assert "the clock agrees with those of STS and the stores" in report["live"]
    absent, untrusted = report["errors"]
    # The role has no permission for a bucket of this name either.
    assert absent.startswith("buckets.absent: a signed request was refused (AccessDenied)")
    assert untrusted.startswith("buckets.untrusted: there is no session")
