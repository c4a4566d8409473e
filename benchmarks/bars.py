"""The bars, and what was measured against each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.measuring import Name, Samples
from benchmarks.signers import TOKEN_LENGTHS
from benchmarks.starts import Start

HELLO: Name = ("hello", 0)
# Of the CPU time that a hello world of FastAPI takes.
_RATIOS = (
    *(("get", 0.60), ("jwt", 0.62), ("upload", 0.95), ("form", 0.95)),
    *(("object", 0.65), ("link", 0.65), ("sign", 0.85), ("batch", 45.0)),
)
_PROTO_GET = 0.70
# By the names of growth.py; any other hold of the loop has that of _HELD_MS.
_HELD_MS = 10.0
_GROWTH = {
    "a batch over 1,000 prefixes, 1,000 grants": 20.0,
    "loop held by a batch of 1,000 uploads": 4.0,
}


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
        times = http.ratio(("naive batch", 352), ("batch", length))
        yield Verdict(
            "batch, against the naive service", length, times, 80.0, "times", at_least=True
        )


def of_proto(get_of_hello: float) -> Iterator[Verdict]:
    yield Verdict("proto get, of hello world", 352, get_of_hello, _PROTO_GET, "")


def of_starts(starts: Sequence[Start]) -> Iterator[Verdict]:
    yield Verdict("idle memory", 0, median(each.idle_mib for each in starts), 110.0, "MiB")
    cpu = median(each.cpu_s for each in starts)
    yield Verdict("CPU to the first URL", 0, cpu, 1.0, "s")
    children = median(each.children_s for each in starts)
    yield Verdict("CPU of children to the first URL", 0, children, 0.3, "s")


def of_growth(figures: Mapping[str, tuple[float, str]]) -> Iterator[Verdict]:
    for what, (value, unit) in figures.items():
        if what in _GROWTH or what.startswith("loop held"):
            yield Verdict(what, 352, value, _GROWTH.get(what, _HELD_MS), unit)


def of_callers(rows: list[dict[str, float]]) -> Iterator[Verdict]:
    """Of 4,000 callers, and what the most add to the fewest."""
    by_number = {row["callers"]: row for row in rows}
    many, fewest, most = by_number[4000], rows[0], rows[-1]
    yield Verdict("presign check, 4,000 callers", 0, many["check_s"], 3.0, "s")
    yield Verdict("start, 4,000 callers", 0, many["start_s"], 3.0, "s")
    yield Verdict("a scrape, 4,000 callers", 0, many["scrape_ms"], 50.0, "ms")
    number = f"{most['callers']:,.0f} callers"
    load, memory = (most[each] - fewest[each] for each in ("start_s", "memory_mib"))
    yield Verdict(f"load of {number}", 0, load, 3.0, "s")
    yield Verdict(f"memory of {number}", 0, memory, 150.0, "MiB")
    yield Verdict(f"presign check, {number}", 0, most["check_s"], 6.0, "s")
    yield Verdict(f"reload, {number}", 0, most["reload_s"], 2.0, "s")
    yield Verdict(f"reload, {number} by team", 0, most["reload_by_team_s"], 0.5, "s")
