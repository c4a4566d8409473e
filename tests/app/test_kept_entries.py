"""A reload keeps what was computed of callers that did not change."""

from pathlib import Path
from typing import Any, Final

from service.app import builders
from service.app.settings import Settings, load_again, load_settings
from service.presigning.snapshot import Snapshot
from tests.support.cloudfront import settings_with_cloudfront
from tests.support.factories import ADDRESS

SETTINGS: Final = """\
server: {{default_expires_in: {default}}}
buckets:
  reports:
    region: eu-west-1
    credentials: static
    cloudfront: {cloudfront}
callers:
- {{api_key: a, sha256: ['{digest}'], grants: [{{bucket: reports, prefix: a/, allow: [download]}}]}}
"""
OTHER: Final = f"- {{api_key: b, sha256: ['{'2' * 64}']}}\n"
ANYBODY: Final = (
    "unsafe_anonymous_caller: {grants: [{bucket: reports, prefix: b/, allow: [list]}]}\n"
)


def written(path: Path, cloudfront: Any, more: str = "", default: int = 900) -> Path:
    path.write_text(
        SETTINGS.format(cloudfront=cloudfront or "null", default=default, digest="1" * 64) + more
    )
    return path


def snapshot(settings: Settings, replacing: tuple[Settings, Snapshot] | None = None) -> Snapshot:
    return builders.snapshot(settings, {"reports": ADDRESS}, lambda: 0.0, None, replacing)


def reloaded(tmp_path: Path, cloudfront: Any, *, then: Any, **changes: Any) -> tuple[bool, bool]:
    """Return whether the first caller's entry is the same object, and whether all are right."""
    path = tmp_path / "presign.yaml"
    old = load_settings(written(path, cloudfront, ANYBODY))
    before = snapshot(old)
    new = load_again(written(path, then, **changes), old)
    assert new.callers[0] is old.callers[0]
    after = snapshot(new, (old, before))
    return after.callers[0] is before.callers[0], after.callers == snapshot(new).callers


def test_an_unchanged_caller_keeps_its_entry(tmp_path: Path) -> None:
    assert reloaded(tmp_path, None, then=None, more=OTHER) == (True, True)


def test_another_default_lifetime_makes_the_entries_anew(tmp_path: Path) -> None:
    delivered = settings_with_cloudfront(tmp_path)
    assert reloaded(tmp_path, delivered, then=delivered, default=600) == (False, True)


def test_a_distribution_that_goes_makes_the_entries_anew(tmp_path: Path) -> None:
    assert reloaded(tmp_path, settings_with_cloudfront(tmp_path), then=None) == (False, True)
