"""What a URL costs as a Lambda, next to a function that makes a client of boto3 each time.

    python -m benchmarks.aws_lambda

Both handlers run in one process, in turn, with the same events. The runtime client is not measured:
it costs both the same. boto3 signs with the keys of its environment, so it calls no STS, which an
article's function does as well, in each invocation.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any, Final

from service.auth.api_keys import digest_of
from tests.support import article
from tests.support.lambda_events import Kind, event_of
from tests.support.processes import run_to_end

ROUNDS: Final = 7
# Invocations a round, so that each takes some tenths of a second.
INVOCATIONS: Final = {"presign": 1500, "boto3": 40}
ROOT: Final = Path(__file__).parents[1]
_KEY: Final = "benchmark"

Invoke = Callable[[dict[str, Any], Any], dict[str, Any]]


def cpu_of_an_invocation() -> Mapping[str, float]:
    """Return the median CPU of a warm invocation, in seconds, of each handler."""
    with tempfile.TemporaryDirectory() as directory:
        configuration = Path(directory, "presign.yaml")
        grant = {"bucket": "demo", "prefix": "", "allow": ["download"]}
        settings = {
            "buckets": {"demo": {"region": "eu-west-1", "credentials": "static"}},
            "callers": [{"api_key": "bench", "sha256": [digest_of(_KEY)], "grants": [grant]}],
        }
        configuration.write_text(json.dumps(settings))
        environment = {
            "PATH": os.defpath,
            "PRESIGN_CONFIG": str(configuration),
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "made-up",
        }
        # A process of its own, as the handler writes audit lines to standard output.
        command = [sys.executable, "-m", "benchmarks.aws_lambda", "measure"]
        done = run_to_end(command, cwd=ROOT, env=environment)
        assert done.returncode == 0, done.stderr
        measured: dict[str, float] = json.loads(done.stderr)
        return measured


def _measure() -> Mapping[str, float]:
    # Only here: the import starts the instance.
    from service.aws_lambda.handler import handler  # noqa: PLC0415

    handlers: dict[str, Invoke] = {"presign": handler, "boto3": article.handler}
    rounds: dict[str, list[float]] = {name: [] for name in handlers}
    for turn in range(ROUNDS + 1):
        for name, invoke in handlers.items():
            cpu = _cpu(invoke, [_event(turn, each) for each in range(INVOCATIONS[name])])
            if turn:  # the first round warms up
                rounds[name].append(cpu / INVOCATIONS[name])
    return {name: median(each) for name, each in rounds.items()}


class _Context:
    aws_request_id = "00000000-0000-4000-8000-000000000001"

    def get_remaining_time_in_millis(self) -> int:
        return 29_000


def _event(turn: int, number: int) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {_KEY}", "content-type": "application/json"}
    body = json.dumps({"bucket": "demo", "key": f"{turn}/{number:060}"}).encode()
    return event_of(Kind.HTTP_API, "POST", "/v1/download-urls", headers, body)


def _cpu(invoke: Invoke, events: list[dict[str, Any]]) -> float:
    context, before = _Context(), time.process_time()
    for event in events:
        assert invoke(event, context)["statusCode"] == 200
    return time.process_time() - before


if __name__ == "__main__":
    if sys.argv[1:] == ["measure"]:
        sys.stderr.write(json.dumps(_measure()))
    else:
        for name, seconds in cpu_of_an_invocation().items():
            print(f"{name}: {seconds * 1e6:,.0f} µs of CPU an invocation")
