import asyncio
import sys

import aioboto3
from botocore.exceptions import ClientError

bucket, own, neighbours = sys.argv[1:]


async def drive() -> None:
    async with aioboto3.Session().client("s3") as s3:
        for number in range(3):
            await s3.put_object(Bucket=bucket, Key=f"{own}{number}", Body=b"hello")
            found = await s3.get_object(Bucket=bucket, Key=f"{own}{number}")
            assert await found["Body"].read() == b"hello"
        print(len((await s3.list_objects_v2(Bucket=bucket, Prefix=own))["Contents"]))
        try:
            await s3.get_object(Bucket=bucket, Key=neighbours)
        except ClientError as error:
            print(error.response["Error"]["Code"])


asyncio.run(drive())
