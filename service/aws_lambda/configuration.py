"""Reads the configuration from the image, from S3 or from SSM, with the function's own role.

`PRESIGN_CONFIG` is a path, `s3://BUCKET/KEY` or `ssm:/NAME`. It is read once, at the cold start: a
new configuration takes effect in new instances, as a new version of the function does.
"""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from service.app.settings import Settings, load_settings
from service.errors import ConfigurationError

MAX_BYTES: Final = 1024**2  # 4,000 callers take about 0.6 MB
# Lambda allows ten seconds for the whole start.
_LIMITS: Final = Config(
    connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2}
)
_S3: Final = "s3://"
_SSM: Final = "ssm:"


def load_configuration(source: str) -> Settings:
    """Return the settings that `source` names. Raises ConfigurationError."""
    if not source.startswith((_S3, _SSM)):
        return load_settings(Path(source))
    content = _fetch(source)
    with TemporaryDirectory() as directory:  # in /tmp, the only place that a function can write to
        path = Path(directory, "presign.yaml")
        path.write_bytes(content)
        try:
            return load_settings(path)
        except ConfigurationError as error:
            raise ConfigurationError(
                [replace(each, file=source) if each.file else each for each in error.problems]
            ) from None


def _fetch(source: str) -> bytes:
    """Return what is at `source`. Raises ConfigurationError, which never quotes an answer."""
    try:
        content = _fetch_s3(source) if source.startswith(_S3) else _fetch_ssm(source)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        raise ConfigurationError([f"{source}: {code}"]) from None
    except (BotoCoreError, OSError) as error:
        raise ConfigurationError([f"{source}: {type(error).__name__}"]) from None
    if len(content) > MAX_BYTES:
        raise ConfigurationError([f"{source}: longer than {MAX_BYTES} bytes"])
    return content


def _fetch_s3(source: str) -> bytes:
    bucket, _, key = source.removeprefix(_S3).partition("/")
    if not bucket or not key:
        raise ConfigurationError([f"{source}: write s3://BUCKET/KEY"])
    body = _client("s3").get_object(Bucket=bucket, Key=key)["Body"]
    content: bytes = body.read(MAX_BYTES + 1)
    return content


def _fetch_ssm(source: str) -> bytes:
    name = source.removeprefix(_SSM)
    if not name:
        raise ConfigurationError([f"{source}: write ssm:/NAME"])
    answer = _client("ssm").get_parameter(Name=name, WithDecryption=True)
    value: str = answer["Parameter"]["Value"]
    return value.encode()


def _client(service: str) -> Any:
    return botocore.session.get_session().create_client(service, config=_LIMITS)
