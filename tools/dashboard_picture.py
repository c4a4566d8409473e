"""The picture of the dashboard in deploy/grafana/README.md: `make screenshots`.

Prometheus scrapes a service under a small, changing load for two minutes. Grafana is not run: the
panels' own queries give the data, and `drawing` draws it.
"""

import json
import math
import re
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.plots import DARK, LIGHT
from tests.support import stores
from tests.support.prometheus import asked, run_prometheus
from tests.support.service import API_KEY, make_caller, run_service
from tools import ROOT
from tools.dashboard_drawing import Lines, draw, named, shown

GRAFANA: Final = ROOT / "deploy" / "grafana"
SECONDS: Final = 150
SHOWN: Final = 120  # the last of them
STEP: Final = 3
VARIABLES: Final = {"$__rate_interval": "15s"}
NARROW: Final = "a-key-with-little"


def load(client: httpx.Client, seconds: float) -> None:
    """Send some 10 to 40 requests a second, in waves, of which a few are refused."""
    start, number = time.monotonic(), 0
    while (now := time.monotonic() - start) < seconds:
        number += 1
        body = {"bucket": "objects", "key": f"a/{number % 7}.txt"}
        client.post("/v1/download-urls", json=body)
        if number % 3 == 0:
            client.post("/v1/upload-urls", json={**body, "content_length": 5})
        if number % 5 == 0:
            client.post("/v1/object-checks", json={**body, "content_length": 5})
        if number % 8 == 0:
            client.post("/v1/head-urls", json={**body, "bucket": "versions"})
        if number % 11 == 0:
            narrow = {"Authorization": f"Bearer {NARROW}"}
            client.post("/v1/download-urls", json=body, headers=narrow)
        if number % 17 == 0:
            client.post("/v1/download-urls", json={"bucket": "objects"})
        time.sleep(0.03 + 0.025 * math.sin(now / 12))


def lines_of(prometheus: httpx.Client, panel: Mapping[str, Any], end: float) -> Lines:
    found: dict[str, list[tuple[float, float]]] = {}
    for target in panel["targets"]:
        query = target["expr"]
        for name, value in VARIABLES.items():
            query = query.replace(name, value)
        query = re.sub(r"\$\w+", ".*", query)
        span = {"start": str(end - SHOWN), "end": str(end), "step": str(STEP)}
        for series in asked(prometheus, "query_range", query=query, **span)["result"]:
            points = [(float(at), float(value)) for at, value in series["values"]]
            finite = [each for each in points if math.isfinite(each[1])]
            if finite:
                found[named(target["legendFormat"], series["metric"])] = finite
    return found


def main() -> None:
    dashboard = json.loads((GRAFANA / "dashboard.json").read_text(encoding="utf-8"))
    callers = [make_caller("shop", API_KEY, ""), make_caller("reports", NARROW, "none/")]
    with tempfile.TemporaryDirectory() as scratch:
        rooms = [Path(scratch, name) for name in ("store", "service", "prometheus")]
        for room in rooms:
            room.mkdir()
        with (
            stores.ministack(rooms[0]) as store,
            run_service(store, rooms[1], callers=callers) as service,
            run_prometheus(rooms[2], service.client.base_url.netloc.decode()) as prometheus,
        ):
            load(service.client, SECONDS)
            end = time.time()
            panels = [each for each in shown(dashboard) if each["type"] != "row"]
            data = {each["title"]: lines_of(prometheus, each, end) for each in panels}
    for name, theme in {"dashboard.svg": LIGHT, "dashboard-dark.svg": DARK}.items():
        (GRAFANA / name).write_text(draw(dashboard, data, theme), encoding="utf-8")


if __name__ == "__main__":
    main()
