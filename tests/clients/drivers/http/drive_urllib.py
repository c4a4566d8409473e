import os
import sys
from pathlib import Path
from urllib.request import Request, urlopen

action, address, file, redirected = sys.argv[1:]
METHODS = {"create": "PUT", "Range": "GET"}
request = Request(address, method=METHODS.get(action, action))
if redirected == "header":
    request.add_header("Authorization", f"Bearer {os.environ['PRESIGN_TOKEN']}")
else:
    request.add_unredirected_header("Authorization", f"Bearer {os.environ['PRESIGN_TOKEN']}")
if action == "Range":
    request.add_header("Range", "bytes=2-5")
if action == "create":
    request.add_header("If-None-Match", "*")
if action in {"PUT", "create"}:
    request.data = Path(file).read_bytes()
with urlopen(request) as answer:
    print(answer.headers["Content-Length"] if action == "HEAD" else answer.read().decode(), end="")
