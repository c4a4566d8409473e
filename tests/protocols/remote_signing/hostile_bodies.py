"""Copies and deletions that must not be signed, and bodies that are no sign request, by name."""

from typing import Any, Final

from tests.protocols.remote_signing.hostile import at, put


def delete(body: str | None, path: str = "?delete", **headers: str) -> dict[str, Any]:
    return {**at(path, "POST", **headers), "body": body}


def deletion(*objects: str, more: str = "") -> dict[str, Any]:
    inside = "".join(f"<Object>{each}</Object>" for each in objects)
    return delete(f"<Delete>{inside}{more}</Delete>")


OWN: Final = "<Key>wh/a</Key>"
COPIES: Final = {
    name: put("x-amz-copy-source", source)
    for name, source in {
        "a copy from elsewhere": "demo/other/secret",
        "a copy from elsewhere with a slash": "/demo/other/secret",
        "a copy from another bucket": "closed/wh/secret",
        "a copy from a bucket that begins so": "demo2/wh/secret",
        "a copy by dots": "demo/wh/../other/secret",
        "a copy by encoded dots": "demo/wh/%2E%2E/other/secret",
        "a copy by an encoded slash": "demo/wh%2F..%2Fother%2Fsecret",
        "a copy with an encoded bucket": "%64emo/wh/secret",
        "a copy by a double slash": "demo//wh/secret",
        "a copy with a raw plus": "demo/wh/secret+plus",
        "a copy of a version without a grant": "demo/wh/secret?versionId=evil",
        "a copy with another query": "demo/wh/secret?acl=evil",
        "a copy of a bucket": "demo/",
        "a copy of nothing at all": "nothing",
        "a copy from an access point": (
            "arn:aws:s3:eu-west-1:111122223333:accesspoint/p/object/wh/secret"
        ),
    }.items()
}
PART_COPIES: Final = {
    "a part copied from elsewhere": at(
        "wh/a?partNumber=1&uploadId=u", "PUT", x_amz_copy_source="demo/other/secret"
    ),
    "a copy that completes": at("wh/a?uploadId=u", "POST", x_amz_copy_source="demo/wh/secret"),
}
DELETIONS: Final = {
    "a foreign key": deletion("<Key>other/secret</Key>"),
    "a foreign key among others": deletion(OWN, OWN, "<Key>other/secret</Key>"),
    "a foreign key by a reference": deletion("<Key>&#111;ther/secret</Key>"),
    "a version in the body": deletion(f"{OWN}<VersionId>evil</VersionId>"),
    "two keys in an object": deletion(f"{OWN}<Key>other/secret</Key>"),
    "no key": deletion("<VersionId>evil</VersionId>"),
    "an empty key": deletion("<Key></Key>"),
    "a key with an element": deletion("<Key>wh/a<b>other/secret</b></Key>"),
    "a key with dots": deletion("<Key>wh/../other/secret</Key>"),
    "a key of 1,025 bytes in the body": deletion(f"<Key>wh/{'k' * 1022}</Key>"),
    "an attribute": delete('<Delete><Object evil="1"><Key>wh/a</Key></Object></Delete>'),
    "an unknown element": deletion(f"{OWN}<Evil>1</Evil>"),
    "an unknown element beside": deletion(OWN, more="<Evil>1</Evil>"),
    "two Quiets": deletion(OWN, more="<Quiet>true</Quiet><Quiet>true</Quiet>"),
    "another namespace": delete(
        '<Delete xmlns="urn:evil"><Object><Key>wh/a</Key></Object></Delete>'
    ),
    "a prefixed element": delete(
        '<Delete xmlns:e="urn:evil"><Object><Key>wh/a</Key></Object>'
        "<e:Object><Key>other/secret</Key></e:Object></Delete>"
    ),
    "another root": delete("<Evil><Object><Key>wh/a</Key></Object></Evil>"),
    "a comment in a key": deletion("<Key>wh/a<!-- evil --></Key>"),
    "CDATA": deletion("<Key><![CDATA[other/secret]]></Key>"),
    "an instruction": deletion(f"{OWN}<?evil?>"),
    "an entity": delete(
        '<!DOCTYPE Delete [<!ENTITY e "other/secret">]>'
        "<Delete><Object><Key>&e;</Key></Object></Delete>"
    ),
    "an external entity": delete(
        '<!DOCTYPE Delete [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
        "<Delete><Object><Key>&e;</Key></Object></Delete>"
    ),
    "an unknown entity": deletion("<Key>wh/&evil;</Key>"),
    "another encoding": delete(
        '<?xml version="1.0" encoding="UTF-7"?><Delete><Object><Key>wh/a</Key></Object></Delete>'
    ),
    "an encoding that makes other keys": delete(
        '<?xml version="1.0" encoding="ISO-8859-1"?>'
        "<Delete><Object><Key>wh/\u00e9</Key></Object></Delete>"
    ),
    "a declaration later": delete(
        '<Delete><Object><Key>wh/a</Key></Object></Delete><?xml version="1.0"?>'
    ),
    "text before": delete("evil<Delete><Object><Key>wh/a</Key></Object></Delete>"),
    "two documents": delete("<Delete><Object><Key>wh/a</Key></Object></Delete><Delete/>"),
    "no XML": delete("no XML at all"),
    "an empty body": delete(""),
    "no objects": delete("<Delete></Delete>"),
    "1,001 keys": deletion(*[OWN] * 1001),
}
SCHEMA: Final[dict[str, dict[str, Any]]] = {
    "headers that are a list": {"headers": ["evil-header"]},
    "a value that is no list": {"headers": {"Range": "evil-range"}},
    "a value that is no text": {"headers": {"Range": [1234567]}},
    "a URI that is no text": {"uri": ["https://demo.s3.example/wh/a"]},
    "a method that is no text": {"method": 1234567},
    "a body that is no text": {"body": {"evil-body": 1}},
    "the provider of another store": {"provider": "gcs-evil"},
}
