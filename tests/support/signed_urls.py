"""What a signed URL or form says about itself."""

import calendar
import json
import time
from base64 import b64decode
from typing import Any
from urllib.parse import parse_qs, urlsplit

from service.presigning.results import PresignedForm


def validity_of(url: str) -> tuple[int, int]:
    """Return when a URL begins, in epoch seconds, and its lifetime in seconds."""
    query = parse_qs(urlsplit(url).query)
    return epoch_seconds(query["X-Amz-Date"][0]), int(query["X-Amz-Expires"][0])


def epoch_seconds(amz_date: str) -> int:
    return calendar.timegm(time.strptime(amz_date, "%Y%m%dT%H%M%SZ"))


def access_key_id_of(url: str) -> str:
    """Return the access key id of the session that signed the URL."""
    return parse_qs(urlsplit(url).query)["X-Amz-Credential"][0].partition("/")[0]


def policy_of(form: PresignedForm) -> dict[str, Any]:
    policy: dict[str, Any] = json.loads(b64decode(form.fields["policy"]))
    return policy
