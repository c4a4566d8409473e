import os
import sys

import fsspec

action, address, file, *cache = sys.argv[1:]
headers = {"Authorization": f"Bearer {os.environ['PRESIGN_TOKEN']}"}
http = fsspec.filesystem("http", client_kwargs={"headers": headers})
match action:
    case "GET" if cache:
        options = {"http": {"client_kwargs": {"headers": headers}}}
        with fsspec.open(f"{cache[0]}::{address}", **options) as kept:
            print(kept.read().decode(), end="")
    case "GET":
        print(http.cat_file(address).decode(), end="")
    case "Range":
        print(http.cat_file(address, start=2, end=6).decode(), end="")
    case "HEAD":
        print(http.info(address)["size"])
    case "PUT":
        http.put_file(file, address, method="put")
