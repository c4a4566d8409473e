"""Requests that must not be signed, by name: changes of a read of `wh/a`."""

from typing import Any, Final

from tests.protocols.remote_signing.harness import ORIGIN, one_each


def uri(text: str, method: str = "GET", **headers: str) -> dict[str, Any]:
    return {"uri": text, "method": method, "headers": one_each(**headers)}


def at(path: str, method: str = "GET", **headers: str) -> dict[str, Any]:
    return uri(f"{ORIGIN}/{path}", method, **headers)


def put(name: str, *values: str) -> dict[str, Any]:
    return {"method": "PUT", "headers": {name: list(values)}}


ELSEWHERE: Final = {
    "another scheme": uri("http://demo.s3.example/wh/a"),
    "another host": uri("https://demo.s3.example.evil.test/wh/a"),
    "a host that ends so": uri("https://evil-demo.s3.example/wh/a"),
    "the host in upper case": uri("https://DEMO.s3.example/wh/a"),
    "a host with a dot at its end": uri("https://demo.s3.example./wh/a"),
    "another port": uri("https://demo.s3.example:8443/wh/a"),
    "the default port": uri("https://demo.s3.example:443/wh/a"),
    "a user": uri("https://user@demo.s3.example/wh/a"),
    "a user that looks like the host": uri("https://demo.s3.example@evil.test/wh/a"),
    "another bucket's host": uri("https://closed.s3.example/wh/a"),
    "another bucket in the path": uri("https://s3.example/closed/wh/a"),
    "a bucket whose name begins so": uri("https://s3.example/demo2/wh/a"),
    "no bucket": uri("https://s3.example/wh/a"),
    "no scheme": uri("demo.s3.example/wh/a"),
    "a file": uri("file:///wh/a"),
    "s3": uri("s3://demo/wh/a"),
    "ftp": uri("ftp://demo.s3.example/wh/a"),
    "nothing": uri(""),
    "a backslash": uri("https://demo.s3.example\\wh/a"),
    "a space before": uri(" https://demo.s3.example/wh/a"),
    "a line feed after": uri("https://demo.s3.example/wh/a\n"),
    "an IPv6 zone": uri("https://[fe80::1%25eth0]/wh/a"),
    "another region": {"region": "us-east-1"},
    "the region in upper case": {"region": "EU-WEST-1"},
    "no region": {"region": ""},
    "region auto": {"region": "auto"},
}
PATHS: Final = {
    "another prefix": at("other/a"),
    "a prefix that begins so": at("wh2/a"),
    "the prefix in upper case": at("WH/a"),
    "the prefix without its slash": at("wh"),
    "a slash before": at("/wh/a"),
    "a dot segment": at("wh/./a"),
    "two dots": at("wh/../other"),
    "two dots encoded": at("wh/%2E%2E/other"),
    "two dots half encoded": at("wh/.%2e/other"),
    "two dots at the end": at("wh/.."),
    "an encoded slash": at("wh%2Fa"),
    "an encoded slash in lower case": at("wh/..%2fother"),
    "encoded twice": at("wh/%252e%252e/a?versionId="),
    "two slashes": at("wh//a"),
    "two slashes at the end": at("wh/a//"),
    "an encoded letter": at("wh/%61"),
    "an escape in lower case": at("wh/caf%c3%a9"),
    "a raw space": at("wh/a b"),
    "a raw plus": at("wh/a+b"),
    "a raw equals sign": at("wh/day=1/a"),
    "a raw colon": at("wh/a:b"),
    "a raw semicolon": at("wh/a;b"),
    "a raw asterisk": at("wh/*"),
    "raw letters beyond ASCII": at("wh/é"),
    "a full-width slash": at("wh\uff0fa"),
    "half an escape": at("wh/a%"),
    "an escape of no digits": at("wh/%zz"),
    "no UTF-8": at("wh/%ff"),
    "an overlong slash": at("wh/%C0%AF"),
    "a surrogate": at("wh/%ED%A0%80"),
    "a NUL": at("wh/a%00"),
    "a line feed": at("wh/a%0A"),
    "a C1 control": at("wh/%C2%85"),
    "a fragment": at("wh/a#b"),
    "a key of 1,025 bytes": at("wh/" + "k" * 1022),
    "a URI of 17,000 characters": at("wh/" + "k" * 17_000),
}
QUERIES: Final = {
    **{
        f"the subresource {name}": at(f"wh/a?{name}")
        for name in (
            *("acl", "attributes", "legal-hold", "restore", "retention", "select", "tagging"),
            *("torrent", "append", "renameObject", "versions", "x-amz-acl=public-read"),
        )
    },
    **{
        f"the bucket's {name}": at(f"?{name}")
        for name in (
            *("acl", "cors", "encryption", "lifecycle", "location", "logging", "notification"),
            *("object-lock", "policy", "policyStatus", "publicAccessBlock", "replication"),
            *("requestPayment", "tagging", "uploads", "versioning", "versions", "website"),
        )
    },
    "the bucket itself": at(""),
    "a list of version 1": at("?prefix=wh%2F"),
    "a list without prefix": at("?list-type=2"),
    "a list of another version": at("?list-type=1&prefix=wh%2F"),
    "a list of everything": at("?list-type=2&prefix="),
    "a list of a prefix that lists more": at("?list-type=2&prefix=wh"),
    "a list of another prefix": at("?list-type=2&prefix=other%2F"),
    "a list by two prefixes": at("?list-type=2&prefix=wh%2F&prefix=other%2F"),
    "a list by a prefix in two spellings": at("?list-type=2&prefix=wh%2F&%70refix=other%2F"),
    "a list of pages too large": at("?list-type=2&prefix=wh%2F&max-keys=1001"),
    "a list of no keys": at("?list-type=2&prefix=wh%2F&max-keys=0"),
    "a list below a key": at("wh/a?list-type=2&prefix=wh%2F"),
    "a list of versions": at("?list-type=2&prefix=wh%2F&versions"),
    "a raw slash": at("?list-type=2&prefix=wh/"),
    "a raw plus in the query": at("?list-type=2&prefix=wh%2F+"),
    "a semicolon": at("wh/a?versionId=1;acl"),
    "an empty parameter": at("wh/a?&versionId=1"),
    "a bare question mark": at("wh/a?"),
    "two equals signs": at("wh/a?versionId=1=2"),
    "an encoded name": at("wh/a?%61cl"),
    "an unknown parameter": at("wh/a?evil=1"),
    "a subresource in upper case": at("wh/a?ACL"),
    "a version without a grant": at("wh/a?versionId=evil"),
    "the name of another call": at("wh/a?x-id=DeleteObject"),
    "a signature": at("wh/a?X-Amz-Signature=evil"),
    "an expiry": at("wh/a?X-Amz-Expires=604800"),
    "a token": at("wh/a?X-Amz-Security-Token=evil"),
    "a copy source": at("wh/a?x-amz-copy-source=demo%2Fother"),
    "a NUL in the query": at("wh/a?response-expires=%00"),
    "part number 0": at("wh/a?partNumber=0"),
    "part number 10,001": at("wh/a?partNumber=10001&uploadId=u", "PUT"),
    "a part number that is none": at("wh/a?partNumber=1e3&uploadId=u", "PUT"),
    "a part without an upload": at("wh/a?partNumber=1", "PUT"),
    "an upload without a part": at("wh/a?uploadId=u", "PUT"),
    "an upload id with a slash": at("wh/a?uploadId=u%2Fv"),
    "an upload id of nothing": at("wh/a?uploadId="),
    "a begun upload of nothing": at("?uploads", "POST"),
    "all uploads of a key": at("wh/a?uploads"),
    "an upload and its begin": at("wh/a?uploads&uploadId=u", "POST"),
    "deletions below a key": at("wh/a?delete", "POST"),
}
METHODS: Final = {
    **{
        f"the method {name or 'of nothing'}": {"method": name}
        for name in ("POST", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "MOVE", "", "GET ")
    },
    "a new bucket": at("", "PUT"),
    "a deleted bucket": at("", "DELETE"),
    "a form": at("", "POST"),
    "a head of the bucket": at("", "HEAD"),
    "a tagged object": at("wh/a?tagging", "PUT"),
    "a deleted version": at("wh/a?versionId=evil", "DELETE"),
    "an upload elsewhere": at("other/a", "PUT"),
    "a deletion elsewhere": at("other/a", "DELETE"),
    "a part elsewhere": at("other/a?partNumber=1&uploadId=u", "PUT"),
}
HEADERS: Final = {
    **{
        f"the header {name}": put(name, value)
        for name, value in {
            "x-amz-acl": "public-read-write",
            "x-amz-grant-read": 'uri="http://evil.test"',
            "x-amz-grant-full-control": "id=evil-account",
            "x-amz-object-lock-mode": "GOVERNANCE",
            "x-amz-object-lock-legal-hold": "ON-evil",
            "x-amz-bypass-governance-retention": "true-evil",
            "x-amz-website-redirect-location": "https://evil.test",
            "x-amz-rename-source": "other/evil",
            "x-amz-mfa": "evil 123456",
            "x-amz-write-offset-bytes": "1234567",
            "x-amz-meta-snowball-auto-extract": "true-evil",
            "x-amz-meta-minio-snowball-prefix": "other/evil",
            "x-amz-meta-rustfs-x": "evil-value",
            "x-amz-server-side-encryption": "AES256",
            "x-amz-server-side-encryption-customer-key": "evil-key",
            "x-amz-server-side-encryption-aws-kms-key-id": "evil-key",
            "x-amz-user-agent": "evil-agent",
            "x-amz-date": "20991231T235959Z",
            "x-amz-security-token": "evil-token",
            "Authorization": "AWS4-HMAC-SHA256 evil",
            "authorization": "Bearer evil",
            "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            "X-Amz-Content-Sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            "x-goog-acl": "public-read",
            "x-minio-extract": "true-evil",
            "x-minio-source-mtime": "evil-time",
            "x-oss-object-acl": "public-read",
            "x-rgw-copy": "evil-copy",
            "x-scal-s3": "evil-scal",
            "X-Copy-From": "closed/evil",
            "x-forwarded-host": "evil.test",
            "x-http-method-override": "DELETE",
            "cf-copy-destination-if-none-match": "evil-condition",
            "ibm-sse-kms-encryption-algorithm": "evil-algorithm",
            "Host": "evil.test",
            "x_amz_acl": "public-read",
            "x-amz-aclé": "public-read",
            "x-amz-\u212aey": "kelvin-sign",
            "x-amz-acl ": "public-read",
            "x-amz-acl:x": "public-read",
            "": "evil-value",
            "x-amz-meta-a\r\nx-amz-acl": "public-read",
            "x-amz-meta-b": "b\r\nx-amz-acl: public-read",
            "x-amz-meta-c": "caf\u00e9-evil",
            "x-amz-meta-d": "",
            "x-amz-meta-e": "e" * 2100,
            "x-amz-tagging": "t" * 9000,
            "If-None-Match": '"evil-etag"',
            "If-Match": "evil-etag",
            "Content-Length": "-1",
            "content-length": "1e99999",
        }.items()
    },
    "two values": put("x-amz-meta-a", "evil-1", "evil-2"),
    "no value": put("x-amz-meta-a"),
    "two spellings": {
        "method": "PUT",
        "headers": {"Content-Length": ["1234567"], "content-length": ["7654321"]},
    },
    "both conditions": {"method": "PUT", "headers": one_each(If_Match='"e"', If_None_Match="*")},
    "101 headers": {"headers": {f"h{n}": ["evil-value"] for n in range(101)}},
    "an ACL of a read": {"headers": one_each(x_amz_acl="private")},
    "a copy source of a read": {"headers": one_each(x_amz_copy_source="demo/wh/b")},
    "metadata of a part": at("wh/a?partNumber=1&uploadId=u", "PUT", x_amz_meta_a="evil-value"),
    "encryption of a part": at(
        "wh/a?partNumber=1&uploadId=u", "PUT", x_amz_server_side_encryption="AES256"
    ),
}
