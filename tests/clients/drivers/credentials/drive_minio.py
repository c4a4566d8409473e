import io
import os
import sys
from urllib.parse import urlsplit

from minio import Minio
from minio.credentials import IamAwsProvider
from minio.error import S3Error

bucket, own, neighbours = sys.argv[1:]
store = Minio(
    endpoint=urlsplit(os.environ["AWS_ENDPOINT_URL_S3"]).netloc,
    secure=False,
    region=os.environ["AWS_REGION"],
    credentials=IamAwsProvider(),
)
for number in range(3):
    name = f"{own}{number}"
    store.put_object(bucket_name=bucket, object_name=name, data=io.BytesIO(b"hello"), length=5)
    assert store.get_object(bucket_name=bucket, object_name=name).data == b"hello"
print(len(list(store.list_objects(bucket_name=bucket, prefix=own))))
try:
    store.get_object(bucket_name=bucket, object_name=neighbours)
except S3Error as error:
    print(error.code)
