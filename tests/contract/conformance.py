"""What the conformance tests ask of the document, and the service that they ask."""

from pathlib import Path
from typing import Any, Final

import schemathesis
from schemathesis.specs.openapi.schemas import OpenApiSchema

from service.auth.api_keys import digest_of
from tests.support.factories import OPERATIONS
from tests.support.stores import Store

API_KEY: Final = "conformance"
STATUSES: Final = {200, 201, 204, 400, 401, 403, 404, 405, 409, 412, 413, 422, 431}


def settings_of(store: Store, link_key: Path) -> dict[str, Any]:
    """Return settings with static keys, so that each request is signed or refused at once."""
    grant = {"bucket": "demo", "prefix": "", "allow": OPERATIONS, "allow_overwrite": True}
    # So that `GET /v1/caller` has every field to tell
    limits = {"max_expires_in": 900, "max_content_length": "50MiB", "max_keys": 100}
    types = {"allow": ["upload", "list"], "content_types": ["image/*"]}
    limited = {"bucket": "demo", "prefix": "limited/", **limits, **types}
    caller = {"api_key": "tests", "sha256": [digest_of(API_KEY)], "grants": [grant, limited]}
    at = {"bucket": store.bucket, "region": store.region, "endpoint_url": store.endpoint_url}
    return {
        "buckets": {"demo": {**at, "credentials": "static"}},
        "callers": [caller],
        "server": {"public_url": "https://files.example.com"},
        "links": {"keys": [str(link_key)], "store_url": "memory://"},
    }


# Left out is the check that whatever fits the schema is accepted: no schema of our subset can say
# that a key has no dot segment, that a lifetime is no shorter than the least, or that 5.0 is no integer.
# The file is what the service serves: tests/api/test_wire.py.
def make_schema() -> OpenApiSchema:
    return schemathesis.openapi.from_path(
        str(Path(__file__).parents[2] / "openapi.yaml"),
        # Two fields that are too long make a body that is, or a query that makes the head too long: the
        # library's own list, with a 413 and a 431 for that.
        config=schemathesis.Config.from_dict(
            {
                "checks": {
                    "negative_data_rejection": {
                        "expected-statuses": [
                            *("400", "401", "403", "404", "405", "406", "409", "413", "415", "422"),
                            *("428", "429", "431", "5xx"),
                        ]
                    }
                }
            }
        ),
    )
