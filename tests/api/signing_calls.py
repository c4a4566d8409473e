"""Each call that only signs, with a valid body."""

from typing import Any, Final

GET: Final = {"bucket": "demo", "key": "a"}
CALLS: Final[list[tuple[str, dict[str, Any]]]] = [
    ("download-urls", GET),
    ("upload-urls", {**GET, "content_length": 5}),
    ("upload-forms", {**GET, "max_content_length": 5, "overwrite": True}),
    ("head-urls", GET),
    ("delete-urls", GET),
    ("copy-urls", {**GET, "source": {"key": "b"}, "overwrite": True}),
    ("copy-urls/batch", {"items": [{**GET, "source": {"key": "b"}, "overwrite": True}]}),
    ("list-urls", {"bucket": "demo", "prefix": "a"}),
    ("download-urls/batch", {"items": [GET]}),
    ("upload-urls/batch", {"items": [{**GET, "content_length": 5}]}),
    ("head-urls/batch", {"items": [GET]}),
    ("download-urls/batch", {"bucket": "demo", "keys": ["a"]}),
    ("delete-urls/batch", {"items": [GET]}),
]
