"""What is asked for: whole requests as bytes, no two for the same key."""

import json
import secrets
import time
from typing import Any, Final

from benchmarks.issuing import STORED_BYTES
from benchmarks.signers import BUCKET, REGION, keys
from service.access.grants import Caller
from service.protocols.links.link import SALT_BYTES, Link
from service.protocols.links.tickets import LinkKeys

CHECKSUM: Final = {"algorithm": "SHA256", "value": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}


def downloads(count: int, bucket: str, key: str) -> list[bytes]:
    return [post("download-urls", _download(bucket, each), key) for each in keys(count)]


def tool_calls(count: int, bucket: str, key: str) -> list[bytes]:
    """What an agent asks by MCP of 2026-07-28 for the same URLs as `downloads`."""
    tool, revision, about = "sign_download", "2026-07-28", "io.modelcontextprotocol/"
    meta = {
        f"{about}protocolVersion": revision,
        f"{about}clientCapabilities": {},
        f"{about}clientInfo": {"name": "bench", "version": "1"},
    }
    headers = f"MCP-Protocol-Version: {revision}\r\nMcp-Method: tools/call\r\nMcp-Name: {tool}\r\n"
    return [
        post(
            "/mcp",
            {
                "jsonrpc": "2.0",
                "id": number,
                "method": "tools/call",
                "params": {"name": tool, "arguments": _download(bucket, each), "_meta": meta},
            },
            key,
            headers,
        )
        for number, each in enumerate(keys(count))
    ]


def objects(count: int, bucket: str, key: str) -> list[bytes]:
    """Object URLs."""
    credential = f"Authorization: Bearer {key}\r\n"
    return [get(f"/o/{bucket}/{each}", credential) for each in keys(count)]


def links(count: int, bucket: str, link_keys: LinkKeys, maker: str, *, uses: int) -> list[bytes]:
    """Uses of share links of an API key's name, each link this many times."""
    now = int(time.time())
    made = (
        Link(
            caller=Caller(issuer=None, subject=maker),
            bucket=bucket,
            key=each,
            issued_at=now,
            expires_at=now + 3600,
            salt=secrets.token_bytes(SALT_BYTES),
        )
        for each in keys(count // uses)
    )
    return [get(f"/l/{link_keys.seal(link).text}") for link in made] * uses


def reads(count: int, bucket: str, key: str) -> list[bytes]:
    """Remote signatures, as PyIceberg with s3fs asks for them."""
    host = f"{BUCKET}.s3.{REGION}.amazonaws.com"
    agent = "aiobotocore/2.26.0 md/Botocore#1.41.5 ua/2.1 os/linux lang/python#3.11.7"
    sent = {"x-amz-checksum-mode": ["ENABLED"], "User-Agent": [agent], "Range": ["bytes=4-65535"]}
    return [
        post(
            f"/sign/{bucket}/v1/aws/s3/sign",
            {
                "method": "GET",
                "region": REGION,
                "uri": f"https://{host}/{each}",
                "headers": sent,
            },
            key,
        )
        for each in keys(count)
    ]


def uploads(count: int, bucket: str, key: str) -> list[bytes]:
    """With every header that a caller can ask for."""
    return [post("upload-urls", _upload(bucket, each), key) for each in keys(count)]


def forms(count: int, bucket: str, key: str) -> list[bytes]:
    return [
        post(
            "upload-forms",
            {"bucket": bucket, "key": each, "overwrite": True, "max_content_length": 1_000_000},
            key,
        )
        for each in keys(count)
    ]


def parts(count: int, bucket: str, key: str) -> list[bytes]:
    """One part of a multipart upload each."""
    part = {"content_length": 20_000_000, "part_size": 8 * 2**20, "part_numbers": [2]}
    return [
        post(
            f"multipart-uploads/{secrets.token_urlsafe(24)}/part-urls",
            {"bucket": bucket, "key": each, **part},
            key,
        )
        for each in keys(count, "parts/2026/11/24/")
    ]


def lfs_batches(count: int, objects: int, key: str) -> list[bytes]:
    """Downloads with Git LFS, of objects that the store has."""
    return [
        post("/lfs/bench/objects/batch", {"operation": "download", "objects": each}, key)
        for each in ([_lfs_object() for _ in range(objects)] for _ in range(count))
    ]


def _lfs_object() -> dict[str, Any]:
    return {"oid": secrets.token_hex(32), "size": STORED_BYTES}


def batches(count: int, items: int, bucket: str, key: str, path: str = "download") -> list[bytes]:
    item = _download if path == "download" else _upload
    return [
        post(f"{path}-urls/batch", {"items": [item(bucket, each) for each in keys(items)]}, key)
        for _ in range(count)
    ]


def _download(bucket: str, key: str) -> dict[str, Any]:
    return {"bucket": bucket, "key": key}


def _upload(bucket: str, key: str) -> dict[str, Any]:
    return {
        "bucket": bucket,
        "key": key,
        "content_length": 48_213,
        "content_type": "application/pdf",
        "checksum": CHECKSUM,
        "metadata": {"origin": "billing", "invoice": key[-8:]},
        "filename": "invoice.pdf",
        "cache_control": "private, max-age=60",
        "content_encoding": "gzip",
        "storage_class": "STANDARD_IA",
        "tags": {"team": "billing"},
    }


def get(path: str, more: str = "", method: str = "GET") -> bytes:
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: presign.internal:8000\r\nAccept: */*\r\n"
        f"Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\nUser-Agent: bench\r\n{more}\r\n"
    )
    return head.encode()


def delete(path: str, key: str) -> bytes:
    return get(path, f"Authorization: Bearer {key}\r\n", "DELETE")


def post(path: str, body: object, key: str, more: str = "") -> bytes:
    """As an HTTP library sends it. Without a slash at its start, `path` is below `/v1`."""
    content = json.dumps(body).encode()
    head = (
        f"POST {path if path.startswith('/') else f'/v1/{path}'} HTTP/1.1\r\nHost: presign.internal:8000\r\nAccept: */*\r\n"
        f"Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\nUser-Agent: bench\r\n"
        f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n{more}\r\n"
    )
    return head.encode() + content
