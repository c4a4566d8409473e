"""What grows: grants of one caller, sessions, revoked links; and how long a request holds the loop.

As in `proto.py`, without the kernel, in CPU time. Each case has a service of its own, in each round.
The number of callers is in `callers.py`.
"""

import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks import asking, callers, issuing, sides, targets
from benchmarks.proto import BUCKET, CONNECTIONS
from benchmarks.sides import Refused, Side, Worker
from benchmarks.signers import keys
from benchmarks.targets import API_KEY, resident_mib

ROUNDS: Final = 3
PREFIXES: Final = 1000
SESSIONS: Final = 1000
REVOKED: Final = 9000  # of 10,000 that a caller can revoke
_BATCH: Final = 1000
_TRIES: Final = 5
_KIND: Final = "a batch over 1,000 prefixes, 1,000 grants"

Figure = tuple[str, float, str]  # what, how much, and its unit


@dataclass
class Grown:
    """The figures of each side, and why it has none of a case."""

    figures: dict[str, dict[str, tuple[float, str]]] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)


def measure(compared: Sequence[Side], rounds: int = ROUNDS) -> Grown:
    server = issuing.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    grown = Grown()
    for side in compared:
        values: dict[tuple[str, str], list[float]] = defaultdict(list)
        for case in CASES:
            try:
                for _ in range(rounds):
                    for what, value, unit in case(side, url):
                        values[what, unit].append(value)
            except Refused as refused:
                grown.refusals.append(
                    f"{case.__doc__} cannot be measured at {side.name}: {refused}"
                )
        grown.figures[side.name] = {
            what: (median(found), unit) for (what, unit), found in values.items()
        }
    return grown


def _held(side: Side, url: str) -> Iterator[Figure]:
    """The loop"""
    kinds = {
        "a GET": lambda: asking.downloads(1, BUCKET, API_KEY),
        "an upload": lambda: asking.uploads(1, BUCKET, API_KEY),
        "a batch of 1,000 GETs": lambda: asking.batches(1, _BATCH, BUCKET, API_KEY),
        "a batch of 1,000 uploads": lambda: asking.batches(1, _BATCH, BUCKET, API_KEY, "upload"),
    }
    with _service(side, lambda _: json.dumps(targets.configuration(url))) as worker:
        worker.settle(asking.downloads(1, BUCKET, API_KEY)[0])
        for kind, requests in kinds.items():
            yield f"loop held by {kind}", _longest(worker, requests), "ms"
        yield "loop held by a scrape", _longest(worker, lambda: [asking.get("/metrics")]), "ms"


def _prefixes(side: Side, url: str) -> Iterator[Figure]:
    """A caller with 1,000 grants"""
    configuration = targets.configuration(url)
    caller = configuration["callers"][0]
    caller["grants"] = [
        {"bucket": BUCKET, "prefix": f"more/{number}/", "allow": ["download"]}
        for number in range(PREFIXES)
    ]
    for bucket in configuration["buckets"].values():
        bucket["scoped_sessions"] = False  # IAM would refuse a policy of this length

    def batch() -> list[bytes]:
        stems = [f"more/{number % PREFIXES}/" for number in range(_BATCH)]
        items = [{"bucket": BUCKET, "key": key} for stem in stems for key in keys(1, stem)]
        return [asking.post("download-urls/batch", {"items": items}, API_KEY)]

    with _service(side, lambda _: json.dumps(configuration)) as worker:
        worker.settle(batch()[0])
        yield _KIND, median(worker.ask(batch(), 1).us for _ in range(_TRIES)) / 1000, "ms"
        yield f"loop held by {_KIND}", _longest(worker, batch), "ms"


def _sessions(side: Side, url: str) -> Iterator[Figure]:
    """Sessions"""
    with _service(side, lambda _: callers.configuration(SESSIONS, url)) as worker:
        first = _of_caller(0)
        worker.settle(first)
        one = worker.ask([first] * SESSIONS, CONNECTIONS).us
        before = resident_mib(worker.process.pid)
        for number in range(SESSIONS):
            worker.settle(_of_caller(number))
        each = (resident_mib(worker.process.pid) - before) / SESSIONS * 1024
        all_callers = [_of_caller(number) for number in range(SESSIONS)]
        spread = worker.ask(all_callers, CONNECTIONS).us
    yield "memory of a session", each, "KiB"
    yield "a GET of one of 1,000 callers, of one that asks alone", spread / one, "times"


def _of_caller(number: int) -> bytes:
    bucket = f"bucket-{number % callers.BUCKETS:03}"
    key = keys(1, f"team-{number:04}/")[0]
    return asking.post("download-urls", {"bucket": bucket, "key": key}, callers.key_of(number))


def _revoked(side: Side, url: str) -> Iterator[Figure]:
    """Revoked links"""

    def configuration(directory: Path) -> str:
        written = json.loads(targets.write_configuration(directory, url).read_text())
        written["links"]["store_url"] = "memory://"
        return json.dumps(written)

    with _service(side, configuration) as worker:
        uses = [asking.get(f"/l/{_link(worker)['url'].rpartition('/')[2]}")] * 320
        worker.settle(uses[0])
        before = median(worker.ask(uses, CONNECTIONS).us for _ in range(_TRIES))
        memory = resident_mib(worker.process.pid)
        for _ in range(REVOKED):
            worker.ask([asking.delete(f"/v1/links/{_link(worker)['id']}", API_KEY)], 1)
        after = median(worker.ask(uses, CONNECTIONS).us for _ in range(_TRIES))
        grown = resident_mib(worker.process.pid) - memory
    yield "a link among 9,000 revoked, of one among none", after / before, "times"
    yield (
        "memory of a revoked link, its record in `memory://` included",
        grown / REVOKED * 1024,
        "KiB",
    )


def _link(worker: Worker) -> dict[str, Any]:
    # In the bucket that has a store: the service looks at the object first.
    body = {"bucket": "lfs", "key": keys(1)[0], "expires_in": 3600}
    made: dict[str, Any] = json.loads(worker.ask([asking.post("links", body, API_KEY)], 1).body)
    return made


def _longest(worker: Worker, requests: Callable[[], list[bytes]]) -> float:
    """The longest that a request holds the loop, in ms of CPU: the median of some."""
    return median(worker.ask(requests(), 1, is_watched=True).held_ms for _ in range(_TRIES))


@contextmanager
def _service(side: Side, configuration: Callable[[Path], str]) -> Iterator[Worker]:
    """`configuration` makes that text, with the link's key in the given directory."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        path = directory / "presign.yaml"
        path.write_text(configuration(directory))
        with sides.service(side, directory, path) as worker:
            yield worker


CASES: Final[tuple[Callable[[Side, str], Iterator[Figure]], ...]] = (
    _held,
    _prefixes,
    _sessions,
    _revoked,
)


def table(grown: Grown) -> list[str]:
    names = list(grown.figures)
    lines = [f"| growth | {' | '.join(names)} |", f"| --- |{' --- |' * len(names)}"]
    for what in dict.fromkeys(what for found in grown.figures.values() for what in found):
        cells = [_cell(found.get(what)) for found in grown.figures.values()]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return [*lines, "", *grown.refusals]


def _cell(figure: tuple[float, str] | None) -> str:
    if figure is None:
        return "-"
    value, unit = figure
    return f"{value:.2f} {unit}" if value < 100 else f"{value:,.0f} {unit}"
