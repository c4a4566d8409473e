"""`make bench`: what signing costs, in the core and over HTTP, beside others in the same run.

It takes some minutes. Everything is on loopback: the server on one core, the load on another. The
results go to `benchmarks/results/`: a table, all figures as JSON, and three plots for light and dark
pages. And into docs/performance.md, docs/scale.md and the README.
"""

import asyncio
import json
import os
import platform
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import (
    bars,
    callers,
    companion,
    growth,
    issuing,
    over_http,
    page,
    pictures,
    proto,
    scale,
    signers,
    starts,
    targets,
    volume,
)
from benchmarks.measuring import LOAD_CORE, Samples, pin
from benchmarks.pictures import RESULTS, TOKEN_LENGTH
from benchmarks.sides import HERE, ROOT


def main() -> None:
    pin(LOAD_CORE)
    print("signers …", flush=True)
    core = asyncio.run(signers.measure())
    issuer = issuing.start()
    url = f"http://127.0.0.1:{issuer.server_address[1]}"
    with tempfile.TemporaryDirectory() as directory:
        figures = _over_http(Path(directory), url)
    http: Samples = figures.pop("http")
    print("proto …", flush=True)
    found = proto.measure([HERE], list(proto.ROWS), proto.ROUNDS)
    print("starts …", flush=True)
    started = starts.measure([HERE])[HERE.name]
    print("growth …", flush=True)
    grown = growth.measure([HERE]).figures[HERE.name]
    figures["callers"] = callers.measure()
    figures["proto"] = {name: found.of_hello(name, HERE.name) for name in proto.ROWS}
    figures["starts"] = [asdict(each) for each in started]
    figures["growth"] = grown
    verdicts = [
        *bars.of_the_core(core),
        *bars.over_http(http),
        *bars.of_proto(figures["proto"]["get"]),
        *bars.of_starts(started),
        *bars.of_growth(grown),
        *bars.of_callers(figures["callers"]),
    ]
    _write(core, http, verdicts, figures)
    page.write(ROOT / "docs" / "performance.md", _machine(), core, http, figures)
    page.replace(ROOT / "README.md", "cost", page.cost(_machine(), core, http, TOKEN_LENGTH))
    scale.write(json.loads((RESULTS / "results.json").read_text()))


def _over_http(directory: Path, url: str) -> dict[str, Any]:
    token = issuing.make_token(url)
    with ExitStack() as stack:
        service = stack.enter_context(targets.service(directory, url))
        names = [("hello", 0), ("raw", 0), ("article", 352), ("naive", 352)]
        apps = {each: stack.enter_context(targets.app(*each)) for each in names}
        over_http.settle(service, token)
        sent = volume.measure(service, directory / "audit")
        print("requests …", flush=True)
        http = over_http.measure(over_http.jobs(service, apps, token))
        naive = apps["naive", 352]
        print("batch sizes …", flush=True)
        sizes = over_http.by_batch_size(service, naive)
        print("offered load …", flush=True)
        rates = over_http.by_load({"presign": service, "hello": apps["hello", 0], "naive": naive})
        print("companion …", flush=True)
        beside = companion.measure()
    return {
        "http": http,
        "sizes": sizes,
        "rates": rates,
        "companion": beside,
        "bytes": sent,
    }


def _write(
    core: Samples, http: Samples, verdicts: list[bars.Verdict], figures: dict[str, Any]
) -> None:
    RESULTS.mkdir(exist_ok=True)
    text = "\n".join([_machine(), "", *_table(core, http), "", *_verdicts(verdicts), ""])
    (RESULTS / "table.md").write_text(text)
    everything = {
        "machine": _machine(),
        "core": _raw(core),
        "http": _raw(http),
        "verdicts": [_as_json(each) for each in verdicts],
        **figures,
    }
    (RESULTS / "results.json").write_text(json.dumps(everything, indent=1) + "\n")
    pictures.write(everything)
    print(text)
    if figures["companion"] is None:
        print("Uppy Companion was left out: npm is not there, or could not fetch it.")
    missed = [each for each in verdicts if not each.is_met]
    print(f"{len(verdicts) - len(missed)} of {len(verdicts)} bars are met; see {RESULTS}")


def _table(core: Samples, http: Samples) -> list[str]:
    rows = ["| signer, CPU µs a URL | token of 352 | of 1,200 |", "| --- | --- | --- |"]
    for name in signers.URLS:
        cells = [f"{core.median(name, length):.1f}" for length in signers.TOKEN_LENGTHS]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    rows += [
        "",
        "| over HTTP | token | CPU µs a request | of hello world |",
        "| --- | --- | --- | --- |",
    ]
    for name, length in http.by_name:
        ratio = http.ratio((name, length), bars.HELLO)
        rows.append(f"| {name} | {length or ''} | {http.median(name, length):,.0f} | {ratio:.2f} |")
    return rows


def _verdicts(verdicts: list[bars.Verdict]) -> list[str]:
    rows = ["| bar | token | measured | wanted | met |", "| --- | --- | --- | --- | --- |"]
    for each in verdicts:
        sign, met = "≥" if each.at_least else "≤", "yes" if each.is_met else "**no**"
        measured, wanted = f"{each.value:.2f} {each.unit}", f"{sign} {each.bar:g} {each.unit}"
        rows.append(f"| {each.what} | {each.token_length or ''} | {measured} | {wanted} | {met} |")
    return rows


def _raw(samples: Samples) -> dict[str, list[float]]:
    return {f"{name} {length}".strip(): found for (name, length), found in samples.by_name.items()}


def _as_json(verdict: bars.Verdict) -> dict[str, Any]:
    names = ("what", "token_length", "value", "bar", "unit", "is_met")
    return {name: getattr(verdict, name) for name in names}


def _machine() -> str:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    cores = os.cpu_count()
    return f"{python}, {cores} cores of {_processor()}, {datetime.now(UTC):%Y-%m-%d}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor()


if __name__ == "__main__":
    main()
