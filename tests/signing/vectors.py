"""AWS's published signatures. The file names the source of each."""

import json
from pathlib import Path
from typing import Any, Final

from service.signing import sigv4
from service.signing.sigv4 import SigningState

DATA: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data/sigv4-vectors.json").read_text(encoding="utf-8")
)


def signature(secret: str, date: str, region: str, service: str, string: str) -> str:
    return SigningState(sigv4.signing_key(secret, date, region, service)).signature(string)
