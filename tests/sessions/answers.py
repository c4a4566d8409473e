"""A response of STS as botocore returns it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from tests.support.factories import SECRET, TOKEN
from tests.support.virtual_time import CLOCK_START


def make_response(
    changes: Mapping[str, object] | None = None,
    *,
    server_time: float = CLOCK_START,
    seconds: float = 3600,
) -> dict[str, Any]:
    credentials: dict[str, object] = {
        "AccessKeyId": "ASIAEXAMPLE",
        "SecretAccessKey": SECRET,
        "SessionToken": TOKEN,
        "Expiration": datetime.fromtimestamp(server_time + seconds, UTC),
    }
    date = format_datetime(datetime.fromtimestamp(server_time, UTC), usegmt=True)
    return {
        "Credentials": credentials | dict(changes or {}),
        "ResponseMetadata": {"HTTPHeaders": {"date": date}},
    }
