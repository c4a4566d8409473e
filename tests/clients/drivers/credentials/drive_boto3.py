import sys

import boto3
from botocore.exceptions import ClientError

bucket, own, neighbours = sys.argv[1:]
s3 = boto3.client("s3")
for number in range(3):
    s3.put_object(Bucket=bucket, Key=f"{own}{number}", Body=b"hello")
    assert s3.get_object(Bucket=bucket, Key=f"{own}{number}")["Body"].read() == b"hello"
print(len(s3.list_objects_v2(Bucket=bucket, Prefix=own)["Contents"]))
try:
    s3.get_object(Bucket=bucket, Key=neighbours)
except ClientError as error:
    print(error.response["Error"]["Code"])
