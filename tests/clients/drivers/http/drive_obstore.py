import os
import sys
from pathlib import Path
from urllib.parse import unquote

from obstore.store import HTTPStore

action, address, file = sys.argv[1:]
folder, _, name = address.rpartition("/")
headers = {"Authorization": f"Bearer {os.environ['PRESIGN_TOKEN']}"}
store = HTTPStore.from_url(
    folder,
    client_options={"default_headers": headers, "allow_http": True},
    retry_config={"max_retries": 0},
)
name = unquote(name)
match action:
    case "GET":
        print(bytes(store.get(name).bytes()).decode(), end="")
    case "Range":
        print(bytes(store.get_range(name, start=2, end=6)).decode(), end="")
    case "HEAD":
        print(store.head(name)["size"])
    case "PUT":
        store.put(name, Path(file).read_bytes())
    case "create":
        store.put(name, Path(file).read_bytes(), mode="create")
    case "DELETE":
        store.delete(name)
