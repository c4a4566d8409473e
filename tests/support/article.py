"""The function that articles about pre-signed URLs show: a client of boto3 for each invocation."""

import json
import os
from typing import Any, Final

import boto3
from botocore.config import Config

ARTICLE: Final = "tests.support.article.handler"


def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    wanted = json.loads(event["body"])
    s3 = boto3.client(
        "s3", region_name=os.environ["AWS_REGION"], config=Config(signature_version="s3v4")
    )
    url = s3.generate_presigned_url(
        "get_object", Params={"Bucket": wanted["bucket"], "Key": wanted["key"]}, ExpiresIn=900
    )
    body = json.dumps({"url": url})
    headers = {"content-type": "application/json"}
    return {"statusCode": 200, "headers": headers, "body": body, "isBase64Encoded": False}
