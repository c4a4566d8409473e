"""The script that shows the contract at /docs is upstream's, with its licences."""

import gzip
import hashlib

from tools.redoc import LICENCES, SCRIPT, SHA256, VERSION, packed, upstream


def test_the_script_is_upstreams_but_for_one_picture() -> None:
    script = upstream(SCRIPT.read_bytes())
    assert hashlib.sha256(script).hexdigest() == SHA256
    assert gzip.decompress(packed(script)) == gzip.decompress(SCRIPT.read_bytes())
    assert f'Version: "{VERSION}"' in LICENCES.read_text(encoding="utf-8")
    assert "Permission is hereby granted" in LICENCES.read_text(encoding="utf-8")


def test_the_script_names_no_picture_of_another_host() -> None:
    assert b"cdn.redoc.ly" not in gzip.decompress(SCRIPT.read_bytes())


def test_the_image_gets_less_than_400_kb() -> None:
    assert SCRIPT.stat().st_size < 400_000  # bytes
