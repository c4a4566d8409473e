"""Computes the figures of docs/scale.md from the results of `make bench`, and writes them there.

`python -m benchmarks.scale` updates the page from the existing results. It measures only the bytes of
requests, which do not depend on the machine.
"""

import json
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks import issuing, over_http, page, targets, volume
from service.sessions.attempts import ATTEMPT_SECONDS, MAX_IN_FLIGHT_PER_BUCKET
from service.sessions.pool import MAX_SESSIONS
from service.sessions.refresh_policy import threshold

PAGE: Final = Path(__file__).parents[1] / "docs" / "scale.md"
RESULTS: Final = Path(__file__).parent / "results" / "results.json"

TARGET: Final = 100_000  # URLs a second
BUSY: Final = 0.6  # of a core: the rest is for peaks, and for a replica that is gone
LATE_MS: Final = 20.0
# aws.amazon.com/fargate/pricing: Linux/x86, US East (N. Virginia), in June 2026
VCPU_HOUR: Final = 0.04048
GIB_HOUR: Final = 0.004445
GIB: Final = 2  # the least that Fargate gives with a vCPU
# docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html, "STS request quotas"
STS_QUOTA: Final = 600  # a second, of an account and Region
STS_SECONDS: Final = (
    0.1  # of a call: an assumption, as presign_session_refresh_seconds tells of yours
)
SESSION_SECONDS: Final = 3600
PROMISE_SECONDS: Final = 900
CALLERS: Final = (100, 1000, 4000)
REPLICAS: Final = (2, 10, 30)


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to ask: `urls` a request, which costs so many CPU µs and has these bytes."""

    words: str
    urls: int
    cpu_us: float
    asked: int
    answered: int
    written: int

    @property
    def cpu_us_a_url(self) -> float:
        return self.cpu_us / self.urls

    @property
    def dollars_a_million(self) -> float:
        hours = self.cpu_us_a_url / BUSY / 3600  # µs a URL are seconds a million
        return hours * (VCPU_HOUR + GIB * GIB_HOUR)

    @property
    def cores(self) -> float:
        return self.cpu_us_a_url * TARGET / 1e6

    @property
    def replicas(self) -> int:
        return max(2, math.ceil(self.cores / BUSY))

    def bytes_a_second(self, of: int) -> float:
        return of * TARGET / self.urls


def kinds(results: dict[str, Any]) -> list[Kind]:
    http = {name: median(found) for name, found in results["http"].items()}
    batches = dict(zip(over_http.SIZES, results["sizes"]["presign"], strict=True))
    singly = {"get": "a download", "upload": "an upload with every header", "form": "a form"}
    sent: dict[str, list[int]] = results["bytes"]
    return [
        *(Kind(words, 1, http[f"{name} 352"], *sent[name]) for name, words in singly.items()),
        *(
            Kind(
                f"batches of {size:,} downloads", size, batches[size] * 1000, *sent[f"batch {size}"]
            )
            for size in volume.BATCHES
        ),
    ]


def held(results: dict[str, Any]) -> int:
    """The highest rate that was offered up to which 99 of 100 answers were not late."""
    rate = 0
    for offered, _, late in results["rates"]["presign"]:
        if late > LATE_MS:
            break
        rate = int(offered)
    return rate


def cost(results: dict[str, Any]) -> Iterator[str]:
    yield from page.prose(
        f"Measured on {results['machine']}, with a session's token of 352 characters and keys of 60:"
    )
    yield from ("", "| request | CPU per URL | dollars per million | audit trail per million |")
    yield "| --- | --- | --- | --- |"
    for kind in kinds(results):
        gigabytes = kind.written / kind.urls / 1000
        yield (
            f"| {kind.words} | {kind.cpu_us_a_url:.1f} µs | {kind.dollars_a_million:.5f} "
            f"| {gigabytes:.2f} GB |"
        )


def replicas(results: dict[str, Any]) -> Iterator[str]:
    yield f"| {TARGET:,} URLs a second as | cores | replicas | in | out | audit trail |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for kind in kinds(results):
        sent = (kind.asked, kind.answered, kind.written)
        megabytes = " | ".join(f"{kind.bytes_a_second(each) / 1e6:.0f} MB/s" for each in sent)
        yield f"| {kind.words} | {kind.cores:.1f} | {kind.replicas} | {megabytes} |"
    rate = held(results)
    yield ""
    if not rate:  # the machine did other work
        yield "No rate was measured at which 99 of 100 answers came in time."
        return
    yield from page.prose(
        f"At up to {rate:,} downloads a second, one worker gave 99 of 100 answers within {LATE_MS:.0f} ms, although its "
        f"client used the same two cores. At that rate, {TARGET:,} a second need {math.ceil(TARGET / rate)} replicas."
    )


def memory(results: dict[str, Any]) -> Iterator[str]:
    idle = next(each["value"] for each in results["verdicts"] if each["what"] == "idle memory")
    kib, _ = results["growth"]["memory of a session"]
    yield from page.prose(
        f"An idle replica takes {idle:.0f} MiB, and {MAX_SESSIONS * kib / 1024:.0f} more with the maximum of "
        f"{MAX_SESSIONS:,} sessions, at about {kib:.0f} KiB each."
    )


def callers(results: dict[str, Any]) -> Iterator[str]:
    rows: list[dict[str, float]] = results["callers"]
    yield "| callers | `presign check` | start | reload | by team | scrape | series | memory |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for row in rows:
        yield (
            f"| {row['callers']:,} | {row['check_s']:.1f} s | {row['start_s']:.1f} s "
            f"| {row['reload_s']:.2f} s | {row['reload_by_team_s']:.2f} s "
            f"| {row['scrape_ms']:.0f} ms | {row['series']:,} | {row['memory_mib']:.0f} MiB |"
        )
    fewest, most = rows[0], rows[-1]
    kib = 1024 * (most["memory_mib"] - fewest["memory_mib"])
    yield ""
    yield from page.prose(
        f"So a caller takes about {kib / (most['callers'] - fewest['callers']):.0f} KiB, without "
        "its sessions."
    )


def refreshed_every() -> float:
    """Seconds, as `presign check` reckons."""
    return SESSION_SECONDS - threshold(SESSION_SECONDS, PROMISE_SECONDS, 0.5)


def sts() -> Iterator[str]:
    every = refreshed_every()
    columns = [f"{each} replicas" for each in REPLICAS]
    yield from page.prose(
        f"With sessions of {SESSION_SECONDS:,} s and lifetimes of up to {PROMISE_SECONDS} s, a session is renewed "
        f"every {every:,.0f} s. Calls a second for one bucket, and their share of {STS_QUOTA} from 0.1% on:"
    )
    yield from ("", f"| active callers | {' | '.join(columns)} | sticky, any number |")
    yield f"| --- |{' --- |' * (len(columns) + 1)}"
    for callers in CALLERS:
        cells = [_share(callers * each / every) for each in (*REPLICAS, 1)]
        yield f"| {callers:,} | {' | '.join(cells)} |"


def _share(rate: float) -> str:
    share = rate / STS_QUOTA
    return f"{rate:.2g} ({share:.1%})" if share >= 0.001 else f"{rate:.2g}"


def cold() -> Iterator[str]:
    rate = MAX_IN_FLIGHT_PER_BUCKET / STS_SECONDS
    yield from page.prose(
        f"A new replica makes at most {MAX_IN_FLIGHT_PER_BUCKET} calls for a bucket at a time. If one takes {STS_SECONDS} s, "
        f"that is {rate:.0f} sessions a second: {CALLERS[-1]:,} active callers have theirs after {CALLERS[-1] / rate:.0f} s. "
        f"A caller waits up to {ATTEMPT_SECONDS:.0f} s, and then gets 503 with `Retry-After`. {STS_QUOTA / rate:.0f} "
        "replicas that start at once reach the quota."
    )


def parts(results: dict[str, Any]) -> dict[str, list[str]]:
    """The lines between the marks, by the name of the part."""
    return {
        "cost": list(cost(results)),
        "replicas": list(replicas(results)),
        "memory": list(memory(results)),
        "callers": list(callers(results)),
        "sts": list(sts()),
        "cold": list(cold()),
    }


def write(results: dict[str, Any]) -> None:
    for name, lines in parts(results).items():
        page.replace(PAGE, name, lines)


def main() -> None:
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    results["bytes"] = of_a_service()
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    write(results)


def of_a_service() -> dict[str, list[int]]:
    """The bytes, of a service that is started for it."""
    server = issuing.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    with (
        tempfile.TemporaryDirectory() as directory,
        targets.service(Path(directory), url) as service,
    ):
        over_http.settle(service, issuing.make_token(url))
        return volume.measure(service, Path(directory) / "audit")


if __name__ == "__main__":
    main()
