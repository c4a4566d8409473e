"""What arrivals cost a GET: a service that polls an empty queue, next to one without the section. And
for how long a push of 1,000 records holds the event loop.

    python -m benchmarks.idle_arrivals

As in `proto.py`, in CPU time of Python alone, in rounds that take turns. `docs/arrivals.md` has the figures.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any, Final

import boto3
from moto.server import ThreadedMotoServer

from benchmarks import asking, issuing, sides, targets
from benchmarks.sides import HERE, Worker
from benchmarks.signers import BUCKET, REGION
from benchmarks.targets import API_KEY, AWS_KEYS, bucket_of, resident_mib
from tests.protocols.arrivals.factories import SECRET, make_record

ROUNDS: Final = 31
GETS: Final = 400  # of a round
RECORDS: Final = 1000
STORE_KEY: Final = "store-0123456789abcdef0123456789abcdef"
_BUCKET: Final = bucket_of(352)


@dataclass(frozen=True, slots=True)
class Figures:
    """CPU µs of a GET, the median of the rounds' ratios, and memory in MiB."""

    off_us: float
    on_us: float
    ratio: float
    off_mib: float
    on_mib: float
    push_ms: float
    push_held_ms: float


def measure(rounds: int = ROUNDS) -> Figures:
    server = issuing.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    with ExitStack() as stack:
        queue = stack.enter_context(_queue())
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        off = stack.enter_context(_service(directory / "off", url, {}))
        on = stack.enter_context(_service(directory / "on", url, {"arrivals": _section(queue)}))
        gets = asking.downloads(GETS, _BUCKET, API_KEY)
        pairs = [(off.ask(gets).us, on.ask(gets).us) for _ in range(rounds + 1)][1:]
        return Figures(
            off_us=median(each for each, _ in pairs),
            on_us=median(each for _, each in pairs),
            ratio=median(with_it / without for without, with_it in pairs),
            off_mib=resident_mib(off.process.pid),
            on_mib=resident_mib(on.process.pid),
            push_ms=median(on.ask([_push()], 1).us for _ in range(rounds)) / 1000,
            push_held_ms=on.ask([_push()], 1, is_watched=True).held_ms,
        )


def _push() -> bytes:
    """Records as AWS writes them, of which no hook wants one."""
    more = {
        "requestParameters": {"sourceIPAddress": "192.0.2.1"},
        "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "FMyUV" * 15},
    }
    records = [
        make_record(key=f"reports/{number}", bucket=BUCKET, awsRegion=REGION, **more)
        for number in range(RECORDS)
    ]
    return asking.post("store-events", {"Records": records}, STORE_KEY)


@contextmanager
def _service(directory: Path, url: str, more: dict[str, Any]) -> Iterator[Worker]:
    directory.mkdir()
    grant = {"bucket": _BUCKET, "prefix": "", "allow": ["notify"]}
    digest = sha256(STORE_KEY.encode()).hexdigest()
    store = {"api_key": "store", "sha256": [digest], "grants": [grant]}
    path = targets.write_configuration(directory, url, more_callers=[store])
    path.write_text(json.dumps(json.loads(path.read_text()) | more))
    with sides.service(HERE, directory, path) as worker:
        worker.settle(asking.downloads(1, _BUCKET, API_KEY)[0])
        yield worker


def _section(queue: str) -> dict[str, Any]:
    hook = {"bucket": _BUCKET, "prefix": "hooked/", "url": "https://hook.test/", "secret": SECRET}
    return {"queue_url": queue, "hooks": {"bench": hook}}


@contextmanager
def _queue() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"aws_access_key_id": AWS_KEYS["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": "bench"}
    sqs = boto3.client("sqs", region_name="us-east-1", endpoint_url=f"http://{host}:{port}", **keys)
    try:
        yield sqs.create_queue(QueueName="idle")["QueueUrl"]
    finally:
        sqs.close()
        server.stop()


def lines(found: Figures) -> Iterator[str]:
    yield (
        f"a GET: {found.off_us:.1f} µs without arrivals, {found.on_us:.1f} µs beside a poll of an empty queue; "
        f"{found.ratio:.3f} times as much"
    )
    yield (
        f"a push of {RECORDS:,} records: {found.push_ms:.1f} ms, which hold the loop for "
        f"{found.push_held_ms:.1f} ms at most"
    )
    yield f"memory: {found.off_mib:.0f} MiB without arrivals, {found.on_mib:.0f} MiB with them"


if __name__ == "__main__":
    print("\n".join(lines(measure())))
