"""Validates results by the schema of their revision. Each line of standard input is one, as JSON."""

import json
import sys

from mcp_types.methods import validate_server_result

for line in sys.stdin:
    method, revision, result = json.loads(line)
    validate_server_result(method, revision, result)
    print(f"{method} {revision}")
