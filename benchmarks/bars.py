"""The bars, and what was measured against each."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.measuring import Name, Samples
from benchmarks.signers import TOKEN_LENGTHS

HELLO: Name = ("hello", 0)
# Of the CPU time that a hello world of FastAPI takes.
_RATIOS = (
    *(("get", 0.6), ("jwt", 0.65), ("upload", 0.8), ("form", 0.8)),
    *(("object", 0.6), ("link", 0.8), ("sign", 0.8)),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`bar` is the most that `value` may be, or the least where `at_least`."""

    what: str
    token_length: int
    value: float
    bar: float
    unit: str
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        return self.value >= self.bar if self.at_least else self.value <= self.bar


def of_the_core(core: Samples) -> Iterator[Verdict]:
    for length, bar in zip(TOKEN_LENGTHS, (3.0, 4.0), strict=True):
        ours = ("presign", length)
        yield Verdict("sign one URL", length, core.median(*ours), bar, "µs")
        times = core.ratio(("botocore, in headers", length), ("presign, in headers", length))
        what = "sign one request in headers, against botocore"
        yield Verdict(what, length, times, 10.0, "times", at_least=True)
        for other, least in (("aioboto3", 100.0), ("obstore", 3.0)):
            times = core.ratio((other, length), ours)
            yield Verdict(
                f"sign one URL, against {other}", length, times, least, "times", at_least=True
            )


def over_http(http: Samples) -> Iterator[Verdict]:
    for length in TOKEN_LENGTHS:
        for name, bar in _RATIOS:
            ratio = http.ratio((name, length), HELLO)
            yield Verdict(f"{name}, of hello world", length, ratio, bar, "")
        times = http.ratio(("naive", 352), ("get", length))
        yield Verdict("get, against the naive service", length, times, 7.0, "times", at_least=True)
        yield Verdict("batch of 1,000", length, http.median("batch", length) / 1000, 5.0, "ms")
        times = http.ratio(("naive batch", 352), ("batch", length))
        yield Verdict(
            "batch, against the naive service", length, times, 80.0, "times", at_least=True
        )


def of_the_process(memory_mib: float, seconds: float) -> Iterator[Verdict]:
    yield Verdict("idle memory", 0, memory_mib, 90.0, "MiB")
    yield Verdict("time to the first 200", 0, seconds, 0.9, "s")


def of_the_loop(blocked: dict[str, float]) -> Iterator[Verdict]:
    for kind, milliseconds in blocked.items():
        yield Verdict(f"loop held by {kind}", 352, milliseconds, 10.0, "ms")


def of_callers(rows: list[dict[str, float]]) -> Iterator[Verdict]:
    """Of the largest configuration."""
    most = rows[-1]
    number = f"{most['callers']:,.0f} callers"
    yield Verdict(f"presign check, {number}", 0, most["check_s"], 3.0, "s")
    yield Verdict(f"start, {number}", 0, most["start_s"], 3.0, "s")
    yield Verdict(f"a scrape, {number}", 0, most["scrape_ms"], 50.0, "ms")
