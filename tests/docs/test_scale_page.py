"""docs/scale.md: its figures follow from the last measurement and from the code."""

import json
import re
from statistics import median
from typing import Any, Final

import pytest

from benchmarks import page, scale
from service.app import builders
from service.cli.check import report
from service.cli.check.protocols import CheckedProtocols
from tests.docs.documents import table
from tests.support.app import ADDRESS, make_app_settings, make_open_grant

TEXT: Final = scale.PAGE.read_text(encoding="utf-8")
RESULTS: Final[dict[str, Any]] = json.loads(scale.RESULTS.read_text(encoding="utf-8"))


def part(name: str) -> str:
    return TEXT.partition(page.begin(name))[2].partition(page.END)[0].strip("\n")


def rows(name: str) -> dict[str, list[str]]:
    """Return the cells of each row, by the first one."""
    return {first: cells for first, *cells in table(part(name))[2:]}


def number(cell: str) -> float:
    return float(re.sub(r"[^\d.].*$", "", cell.replace(",", "")))


def test_the_page_matches_the_last_measurement() -> None:
    """`python -m benchmarks.scale` updates the page."""
    names = re.findall(r"<!-- written by make bench: (\w+) -->", TEXT)
    generated = {name: "\n".join(lines) for name, lines in scale.parts(RESULTS).items()}
    assert {name: part(name) for name in names} == generated


def test_the_cost_of_a_million_urls_follows_from_one() -> None:
    measured = median(RESULTS["http"]["get 352"])
    micros, dollars, _ = rows("cost")["a download"]
    assert number(micros) == pytest.approx(measured, abs=0.05)
    of_a_vcpu_with_two_gib = 0.04048 + 2 * 0.004445
    assert number(dollars) == pytest.approx(
        measured / 0.6 / 3600 * of_a_vcpu_with_two_gib, abs=0.00001
    )


def test_the_cost_per_url_follows_from_the_batch() -> None:
    sizes = dict(zip((1, 10, 100, 1000), RESULTS["sizes"]["presign"], strict=True))
    for size in (10, 100, 1000):
        micros = rows("cost")[f"batches of {size:,} downloads"][0]
        assert number(micros) == pytest.approx(sizes[size] * 1000 / size, abs=0.05)


def test_replicas_are_three_fifths_busy_and_at_least_two() -> None:
    for words, (cores, replicas, *_) in rows("replicas").items():
        a_url = number(rows("cost")[words][0])
        busy = a_url * 100_000 / 1e6
        assert number(cores) == pytest.approx(busy, abs=0.06)
        least = number(replicas)
        assert least >= 2
        assert busy / least <= 0.6 + 0.01
        assert least == 2 or busy / (least - 1) > 0.6 - 0.01


@pytest.mark.slow
def test_the_bytes_match_real_requests() -> None:
    """Small differences between machines are allowed: ports and addresses vary in length."""
    sent = scale.of_a_service()
    assert set(sent) == set(RESULTS["bytes"])
    for kind, found in sent.items():
        assert found == pytest.approx(RESULTS["bytes"][kind], rel=0.02), kind


def test_the_refresh_interval_matches_presign_check() -> None:
    settings = make_app_settings(make_open_grant(max_expires_in=scale.PROMISE_SECONDS))
    addresses, entries = dict.fromkeys(settings.buckets, ADDRESS), builders.caller_entries(settings)
    protocols = CheckedProtocols(settings, addresses, entries)
    lines = report.describe(settings, addresses, entries, protocols)
    [documented] = [line for line in lines if line.startswith("bucket demo: about")]
    calls = re.search(r"about (\d+) STS calls a day", documented)
    assert calls is not None
    assert int(calls[1]) == round(86_400 / scale.refreshed_every())
    assert f"renewed every {scale.refreshed_every():,.0f} s" in part("sts").replace("\n", " ")


def test_calls_to_sts_follow_from_callers_and_replicas() -> None:
    every = 3600 - (900 + 60) * 1.025
    for callers, cells in rows("sts").items():
        for replicas, cell in zip((2, 10, 30, 1), cells, strict=True):
            rate = number(callers) * replicas / every
            assert number(cell) == pytest.approx(rate, rel=0.06)
            if share := re.search(r"\((.*)%\)", cell):
                assert float(share[1]) == pytest.approx(rate / 600 * 100, abs=0.06)


def test_the_audit_trail_of_a_million_costs_more_than_to_sign_them() -> None:
    """With a GB at a cent."""
    _, dollars, gigabytes = rows("cost")["a download"]
    assert number(gigabytes) * 0.01 > number(dollars)
