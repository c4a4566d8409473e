import os
import sys
import time

from obstore.exceptions import PermissionDeniedError
from obstore.store import S3Store

bucket, own, neighbours = sys.argv[1:]
endpoint = os.environ["AWS_ENDPOINT_URL_S3"]
store = S3Store(bucket, endpoint=endpoint, client_options={"allow_http": True})
for number in range(3):
    time.sleep(0.15)  # it asks for credentials at most every 100 ms
    store.put(f"{own}{number}", b"hello")
    time.sleep(0.15)
    assert store.get(f"{own}{number}").bytes() == b"hello"
print(len(store.list(own).collect()))
try:
    store.get(neighbours)
except PermissionDeniedError as error:
    print("AccessDenied" if "AccessDenied" in str(error) else error)
