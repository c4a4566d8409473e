"""`python drive_requests.py ACTION ADDRESS [FILE]`, with the key in PRESIGN_TOKEN."""

import os
import sys
from pathlib import Path

import requests

action, address, *files = sys.argv[1:]
service = requests.Session()
service.trust_env = False
service.auth = ("x", os.environ["PRESIGN_TOKEN"])
body = Path(files[0]).read_bytes() if files else b""
match action:
    case "get":
        answer = service.get(address)
    case "range":
        answer = service.get(address, headers={"Range": "bytes=2-5"})
    case "head":
        answer = service.head(address, allow_redirects=True)
    case "create":
        answer = service.put(address, data=body, headers={"If-None-Match": "*"})
    case "overwrite":
        answer = service.put(address, data=body)
    case "delete":
        answer = service.delete(address)
answer.raise_for_status()
print(answer.headers["Content-Length"] if action == "head" else answer.text, end="")
