"""`python drive_httpx.py ACTION ADDRESS [FILE]`, with the key in PRESIGN_TOKEN."""

import os
import sys
from pathlib import Path

import httpx

action, address, *files = sys.argv[1:]
key = os.environ["PRESIGN_TOKEN"]
body = Path(files[0]).read_bytes() if files else b""
with httpx.Client(
    headers={"Authorization": f"Bearer {key}"}, follow_redirects=True, trust_env=False
) as service:
    match action:
        case "get":
            answer = service.get(address)
        case "range":
            answer = service.get(address, headers={"Range": "bytes=2-5"})
        case "head":
            answer = service.head(address)
        case "create":
            answer = service.put(address, content=body, headers={"If-None-Match": "*"})
        case "overwrite":
            answer = service.put(address, content=body)
        case "delete":
            answer = service.delete(address)
answer.raise_for_status()
print(answer.headers["Content-Length"] if action == "head" else answer.text, end="")
