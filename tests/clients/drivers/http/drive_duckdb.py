import os, sys
import duckdb, duckdb_extension_httpfs
from pathlib import Path
action, address = sys.argv[1:3]
key = os.environ["PRESIGN_TOKEN"]
print(duckdb_extension_httpfs.__file__, file=sys.stderr)
print([x for x in dir(duckdb_extension_httpfs)], file=sys.stderr)
db = duckdb.connect()
try:
    import duckdb_extensions
except ImportError as e: print(e, file=sys.stderr)
ext = next(Path(duckdb_extension_httpfs.__file__).parent.rglob("*.duckdb_extension"))
print(ext, file=sys.stderr)
db.load_extension(str(ext))
db.execute(f"CREATE SECRET (TYPE http, BEARER_TOKEN '{key}')")
match action:
  case "get": print(db.sql(f"SELECT * FROM read_csv('{address}')").fetchall())
  case "parquet": print(db.sql(f"SELECT sum(a), count(*) FROM read_parquet('{address}')").fetchall())
