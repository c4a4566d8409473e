import os, sys
import polars
action, address = sys.argv[1:3]
key = os.environ["PRESIGN_TOKEN"]
address=address.replace("//", f"//x:{key}@",1)
match action:
  case "get": print(polars.scan_csv(address).collect().rows())
  case "eager": print(polars.read_csv(address).rows())
  case "parquet": print(polars.scan_parquet(address).select(polars.col("a").sum()).collect().rows())
