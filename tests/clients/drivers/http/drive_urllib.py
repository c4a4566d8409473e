"""`python drive_urllib.py ACTION ADDRESS [FILE]`, with the key in PRESIGN_TOKEN."""

import os
import sys
from pathlib import Path
from urllib.request import Request, urlopen

action, address, *files = sys.argv[1:]
METHODS = {"head": "HEAD", "create": "PUT", "overwrite": "PUT", "delete": "DELETE"}
headers = {"Authorization": f"Bearer {os.environ['PRESIGN_TOKEN']}"}
if action == "range":
    headers["Range"] = "bytes=2-5"
if action == "create":
    headers["If-None-Match"] = "*"
body = Path(files[0]).read_bytes() if files else None
request = Request(address, body, method=METHODS.get(action, "GET"))
for name, value in headers.items():
    if name == "Authorization" and os.environ.get("UNREDIRECTED"):
        request.add_unredirected_header(name, value)
    else:
        request.add_header(name, value)
with urlopen(request) as answer:
    print(answer.headers["Content-Length"] if action == "head" else answer.read().decode(), end="")
