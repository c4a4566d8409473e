"""`presign check --live` in front of stores that verify signatures."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from service.cli.main import main
from tests.deploy.iam.files import read
from tests.docs.documents import blocks
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


def page_lines() -> list[str]:
    """Return the lines that docs/set-up.md shows."""
    [shown] = [each for each in blocks("docs/set-up.md") if each.text.startswith("live: ")]
    return [line.removeprefix("live: ") for line in shown.text.splitlines()]


def test_what_works_and_what_is_wrong_is_reported(verifying_store: Store, tmp_path: Path) -> None:
    good = make_settings(verifying_store)["buckets"]["objects"]
    settings: dict[str, Any] = {
        "server": {"cors_origins": ["https://app.example.com"]},
        "buckets": {
            "reports": good,
            "absent": {**good, "bucket": "presign-absent"},
            "untrusted": {**good, "role_arn": f"{verifying_store.role_arn}-of-others"},
        },
    }
    grant = {"prefix": "a/", "allow": ["download", "multipart", "list"]}
    grants = [{"bucket": name, **grant} for name in settings["buckets"]]
    settings["unsafe_anonymous_caller"] = {"grants": grants}
    before = content(verifying_store)

    with aborting(verifying_store):
        report = check(verifying_store, tmp_path, settings)

    assert content(verifying_store) == before
    shown, works = page_lines(), report["live"]
    if verifying_store.name == "seaweedfs":  # it has no default encryption
        shown = [line for line in shown if "encrypted" not in line]
        assert any("not encrypted" in each["message"] for each in report["warnings"])
    assert [line for line in works if "buckets.absent" not in line] == shown
    absent, untrusted = report["errors"]
    # The role has no permission for a bucket of this name either.
    assert absent["message"].startswith("a signed request was refused (AccessDenied)")
    assert untrusted["message"].startswith("there is no session")
    assert [absent["path"], untrusted["path"]] == ["buckets.absent", "buckets.untrusted"]
    assert all(each["file"].endswith("presign.yaml") for each in report["errors"])


def test_a_form_is_tried_as_callers_send_it(verifying_store: Store, tmp_path: Path) -> None:
    """SeaweedFS refuses a form with a session's token."""
    grant = {"bucket": "objects", "prefix": "a/", "allow": ["download", "form"]}
    settings = make_settings(verifying_store)
    settings |= {"unsafe_anonymous_caller": {"grants": [grant]}, "callers": []}
    before = content(verifying_store)

    report = check(verifying_store, tmp_path, settings)

    assert content(verifying_store) == before
    if verifying_store.name == "seaweedfs":
        [error] = report["errors"]
        assert error["message"].startswith("the store refused a form that a caller may send")
    else:
        assert "buckets.objects: what a form uploads is stored" in report["live"]
