import os
import sys

import duckdb

action, address, _ = sys.argv[1:]
key = os.environ["PRESIGN_TOKEN"].replace("'", "''")
db = duckdb.connect()
db.load_extension("httpfs")
db.execute(f"CREATE SECRET (TYPE http, BEARER_TOKEN '{key}')")
match action:
    case "GET":
        print(db.execute("SELECT content FROM read_text(?)", [address]).fetchall()[0][0], end="")
    case "Range":
        print(
            db.execute("SELECT substr(content, 3, 4) FROM read_text(?)", [address]).fetchall()[0][
                0
            ],
            end="",
        )
    case "HEAD":
        print(db.execute("SELECT size FROM read_text(?)", [address]).fetchall()[0][0])
