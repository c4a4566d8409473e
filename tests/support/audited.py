"""The audit lines of a harness."""

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(kw_only=True)
class Audited:
    audit_bytes: list[bytes] = field(default_factory=list)

    @property
    def audit_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.audit_bytes]
