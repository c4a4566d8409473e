"""The commands of docs/conditions.md, in front of MiniStack, with a scanner that tags."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from service.auth.api_keys import digest_of
from tests.docs.documents import blocks, commands, environment
from tests.support.demo import paste
from tests.support.service import API_KEY, make_settings, run_service
from tests.support.stores import Store

PAGE: Final = "docs/conditions.md"
KEY: Final = "incoming/report.txt"


def test_the_page_works_as_it_says(ministack: Store, tmp_path: Path) -> None:
    [written] = [each.text for each in blocks(PAGE) if each.language == "yaml"]
    check, before, after = [each.text for each in commands(PAGE) if "not run" not in each.mark]
    page, served = tmp_path / "page", tmp_path / "served"
    page.mkdir()
    served.mkdir()
    (page / "presign.yaml").write_text(written)
    said = paste(check, page, environment())
    assert (
        "only from 2001:db8::/32 or 203.0.113.0/24 or VPC endpoint vpce-0123456789abcdef0" in said
    )
    assert "only if tagged GuardDutyMalwareScanStatus=NO_THREATS_FOUND" in said
    with run_service(ministack, served, top=_served(ministack, yaml.safe_load(written))) as service:
        url = str(service.client.base_url)
        variables = {**environment(), "PRESIGN_URL": url, "PRESIGN_TOKEN": API_KEY}
        assert paste(before, page, variables).split() == ["403"]
        _scan(ministack)
        assert paste(after, page, variables) == "a report"


def _served(store: Store, written: Mapping[str, Any]) -> dict[str, Any]:
    """Return the page's grants on what is scanned, at the store: it has no VPC endpoints."""
    [caller] = written["callers"]
    scanned = [each for each in caller["grants"] if each["prefix"] == "incoming/"]
    bucket = make_settings(store)["buckets"]["objects"]
    own = {**caller, "sha256": [digest_of(API_KEY)], "grants": scanned}
    return {"buckets": {"reports": bucket}, "callers": [own]}


def _scan(store: Store) -> None:
    tag = {"Key": "GuardDutyMalwareScanStatus", "Value": "NO_THREATS_FOUND"}
    store.admin_client().put_object_tagging(Bucket=store.bucket, Key=KEY, Tagging={"TagSet": [tag]})
