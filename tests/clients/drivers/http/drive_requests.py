import os
import sys
from pathlib import Path

import requests

action, address, file = sys.argv[1:]
service = requests.Session()
service.headers["Authorization"] = f"Bearer {os.environ['PRESIGN_TOKEN']}"
match action:
    case "GET":
        answer = service.get(address)
    case "Range":
        answer = service.get(address, headers={"Range": "bytes=2-5"})
    case "HEAD":
        answer = service.head(address, allow_redirects=True)
    case "PUT":
        answer = service.put(address, data=Path(file).read_bytes())
    case "create":
        new = {"If-None-Match": "*"}
        answer = service.put(address, data=Path(file).read_bytes(), headers=new)
    case "DELETE":
        answer = service.delete(address)
answer.raise_for_status()
print(answer.headers["Content-Length"] if action == "HEAD" else answer.text, end="")
