"""Starting, reloading and checking take time in proportion to the number of callers."""

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from service.app import builders
from service.app.settings import Settings, load_settings
from service.cli.check import callers, left_out, policies, report
from service.cli.check.protocols import CheckedProtocols
from service.concurrency.event_loop import without_garbage_collection
from service.s3.endpoints import resolve
from service.signing.signer import Address
from tests.access.counted_calls import calls

FEW: Final = 250
MANY: Final = 2000
ROUNDS: Final = 3
OVERLAPPING: Final = 60
# Of functions; it was 1,100. A field of `Grant` adds 2, an action of the policies 6.
MOST_CALLS: Final = 600
SUBJECTS: Final = {
    "patterns": "system:serviceaccount:team-{:04d}:*",
    "names": "system:serviceaccount:team-{:04d}:app",
}


ISSUER: Final = {
    "issuer": "https://issuer.example",
    "audience": "presign",
    "jwks_url": "https://issuer.example/jwks",
}
BUCKET: Final = {"region": "eu-west-1", "role_arn": "arn:aws:iam::111122223333:role/presign"}
GRANT: Final = {"bucket": "demo", "allow": ["download", "upload"], "max_expires_in": 900}


def written(directory: Path, subject: str, number: int) -> Path:
    path = directory / f"{number}.yaml"
    callers = [
        {
            "issuer": "cluster",
            "subject": subject.format(n),
            "grants": [GRANT | {"prefix": f"team-{n:04d}/"}],
        }
        for n in range(number)
    ]
    document = {"issuers": {"cluster": ISSUER}, "buckets": {"demo": BUCKET}, "callers": callers}
    path.write_text(json.dumps(document, indent=1))
    return path


def seconds(work: Callable[[], Any]) -> float:
    """CPU time of this thread, without garbage collections: other work must not count."""
    taken = []
    with without_garbage_collection():
        for _ in range(ROUNDS):
            before = time.thread_time()
            work()
            taken.append(time.thread_time() - before)
    return statistics.median(taken)


def figures(path: Path) -> dict[str, float]:
    settings = load_settings(path)
    addresses = resolve(builders.locations(settings), in_process=True).addresses
    return {
        "read": seconds(lambda: load_settings(path)),
        "snapshot": seconds(lambda: builders.snapshot(settings, addresses, time.time)),
        "check": seconds(lambda: checked(settings, addresses)),
    }


def checked(settings: Settings, addresses: dict[str, Address]) -> list[object]:
    entries = builders.caller_entries(settings)
    protocols = CheckedProtocols(settings, addresses, entries)
    return [
        *report.describe(settings, addresses, entries, protocols),
        *callers.describe((each, tuple(callers.rights(protocols, each))) for each in entries),
        *left_out.describe(builders.buckets(settings, addresses), entries),
        *report.warnings(settings, frozenset(), entries, protocols),
        *policies.oversized_policies(settings, addresses, entries),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_the_time_is_proportional_to_the_callers(subject: str, tmp_path: Path) -> None:
    few = figures(written(tmp_path, subject, FEW))
    many = figures(written(tmp_path, subject, MANY))
    ratios = {name: many[name] / few[name] for name in few}
    # Eight times the callers take eight times as long; pairs of them would take 64 times as long.
    assert max(ratios.values()) < MANY / FEW * 2.5, ratios


def test_a_check_of_overlapping_patterns_takes_little_work_for_each_pair(tmp_path: Path) -> None:
    """Of 4,000 callers, 400 with a star in the middle took four seconds."""
    settings = load_settings(written(tmp_path, "acme-*{:04d}*-prod", OVERLAPPING))
    addresses = resolve(builders.locations(settings), in_process=True).addresses
    entries = builders.caller_entries(settings)
    work = calls(lambda: [*policies.oversized_policies(settings, addresses, entries)])
    assert work / (OVERLAPPING * (OVERLAPPING - 1) / 2) < MOST_CALLS


def test_callers_share_what_is_equal(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, SUBJECTS["names"], 2))
    assert len({id(each.model_fields_set) for each in settings.callers}) == 1
    assert len({id(each.model_fields_set) for _, each in settings.located_grants()}) == 1
    entries = builders.caller_entries(settings)
    assert len({id(grant.allow) for entry in entries for grant in entry.grants}) == 1


@pytest.mark.parametrize(
    "change",
    [{"bucket": "b"}, {"allow": ["list"]}, {"max_expires_in": 60}, {"only_if_tagged": {"a": "b"}}],
    ids="".join,
)
def test_grants_that_differ_for_their_bucket_are_distinct(change: dict[str, Any]) -> None:
    first = {"bucket": "demo", "prefix": "a/", "allow": ["download"]}
    grants = [first, first | {"prefix": "b/"}, first | change]
    callers = [{"issuer": "cluster", "subject": "a", "grants": [each]} for each in grants]
    sections = {"buckets": {"demo": BUCKET, "b": BUCKET}, "issuers": {"cluster": ISSUER}}
    settings = Settings.model_validate(sections | {"callers": callers})
    assert [each.prefix for each in settings.distinct_grants] == ["b/", "a/"]
