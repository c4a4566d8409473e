"""Requests for uploads in parts."""

from typing import Final

from tests.api.refusals import MARK
from tests.support.app import make_app_settings, make_open_grant

LEAST: Final = 5 * 1024**2
LENGTH: Final = LEAST + 5
ROOT: Final = "/v1/multipart-uploads"
ONE: Final = f"{ROOT}/upload-1"
KEY: Final = f"{MARK}.txt"
OBJECT: Final = {"bucket": "demo", "key": KEY}
NEW: Final = {**OBJECT, "content_length": LENGTH, "part_size": LEAST}
WINDOW: Final = {**NEW, "part_numbers": [1, 2]}
E: Final = f'"{"0" * 32}"'
DONE: Final = {**OBJECT, "content_length": 5, "parts": [{"part_number": 1, "etag": E}]}
CRC: Final = "AAAAAA=="
SETTINGS: Final = make_app_settings(
    make_open_grant(allow=["multipart"]), make_open_grant(bucket="closed", allow=["list"])
)
