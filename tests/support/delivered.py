"""The service in front of a store, whose bucket `objects` the double of CloudFront delivers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.support.cloudfront import DISTRIBUTION, KEY_ID, ec_key, pem
from tests.support.cloudfront_double import Distribution, run_distribution
from tests.support.service import API_KEY, RunningService, make_caller, make_settings, run_service
from tests.support.stores import Store

MONTH: Final = 30 * 86_400


@contextmanager
def run_delivered(
    store: Store, directory: Path, **top: Any
) -> Iterator[tuple[RunningService, Distribution]]:
    """A caller may have URLs of a month. `directory` gets the configuration and the key."""
    (directory / "cloudfront.pem").write_bytes(pem(ec_key()))
    caller = make_caller("tests", API_KEY, "")
    for grant in caller["grants"]:
        if grant["bucket"] == "objects":
            grant["max_expires_in"] = MONTH
    keys = {KEY_ID: ec_key().public_key()}
    with run_distribution(keys, store_url=store.endpoint_url, bucket=store.bucket) as edge:
        buckets = make_settings(store)["buckets"]
        buckets["objects"]["cloudfront"] = {
            "url": edge.origin,
            "distribution": DISTRIBUTION,
            "keys": [{"id": KEY_ID, "private_key_file": str(directory / "cloudfront.pem")}],
        }
        with run_service(
            store, directory, callers=[caller], top={"buckets": buckets, **top}
        ) as service:
            yield service, edge
