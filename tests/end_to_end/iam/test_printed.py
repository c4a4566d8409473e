"""What `presign iam` prints is enough on MiniStack, which enforces it: `check --live` then passes."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from service.cli.main import main
from tests.end_to_end.iam.deployed import MINISTACKS_ACCOUNT, Deployment, without
from tests.support.stores import Store


@pytest.fixture(name="configuration")
def _configuration(deployed: Deployment, tmp_path: Path) -> Path:
    path, store = tmp_path / "presign.yaml", deployed.store
    urls = {"endpoint_url": store.endpoint_url, "sts_endpoint_url": store.sts_endpoint_url}
    bucket = {"bucket": store.bucket, "region": store.region, "role_arn": store.role_arn, **urls}
    grant = {"bucket": "reports", "prefix": "a/", "allow": ["download", "multipart", "list"]}
    settings = {
        "server": {"cors_origins": ["https://app.example.com"]},
        "buckets": {"reports": bucket},
        "unsafe_anonymous_caller": {"grants": [grant]},
    }
    path.write_text(json.dumps(settings))
    return path


def presign(store: Store, *arguments: str) -> dict[str, Any]:
    environment = {**store.base_keys, "AWS_EC2_METADATA_DISABLED": "true"}
    printed: dict[str, Any] = json.loads(CliRunner(env=environment).invoke(main, arguments).stdout)
    return printed


def test_what_is_printed_makes_the_live_check_pass(
    deployed: Deployment, configuration: Path
) -> None:
    store, admin = deployed.store, deployed.store.admin_client()
    user = f"arn:aws:iam::{MINISTACKS_ACCOUNT}:user/{deployed.name}"
    live = ("check", str(configuration), "--live", "--json")
    printed = presign(store, "iam", str(configuration), "--principal", user)
    [role], [bucket] = printed["roles"], printed["buckets"]
    permissions = role["policies"]["sign"]

    deployed.put_trust(role["trust_policy"])
    deployed.put_identity(printed["service_identity"]["policies"]["assume-signing-roles"])
    deployed.put_role(without(permissions, "s3:GetObject"))
    incomplete = presign(store, *live)
    deployed.put_role(permissions)
    admin.put_bucket_cors(Bucket=store.bucket, CORSConfiguration=bucket["cors"])
    admin.put_bucket_lifecycle_configuration(
        Bucket=store.bucket, LifecycleConfiguration=bucket["lifecycle"]
    )
    complete = presign(store, *live)
    admin.delete_bucket_cors(Bucket=store.bucket)
    admin.delete_bucket_lifecycle(Bucket=store.bucket)

    assert "(AccessDenied): the role may not read this bucket" in incomplete["errors"][0]["message"]
    assert complete["errors"] == []
    assert "buckets.reports: a signed request works" in complete["live"]
    # Neither the role nor the service's identity needs to read these.
    assert any(
        "could not be read (AccessDenied)" in each["message"] for each in complete["warnings"]
    )
