"""The address of each kind of bucket, what is refused, and what has no influence."""

from pathlib import Path
from typing import Any, Final

import pytest

from service.errors import ConfigurationError
from service.s3.endpoints import Location, resolve
from service.signing.signer import Address

ACCESS_POINT: Final = "arn:aws:s3:us-west-2:111122223333:accesspoint/reports"
STORE: Final = "http://127.0.0.1:9000"


def location(bucket: str = "bkt", region: str = "eu-west-1", **more: Any) -> Location:
    return Location(bucket=bucket, region=region, **more)


async def address_of(location: Location) -> Address:
    return (await resolve({"name": location}))["name"]


async def problems_of(**locations: Location) -> list[str]:
    with pytest.raises(ConfigurationError) as refusal:
        await resolve(locations)
    return refusal.value.problems


def url_of(address: Address) -> str:
    return f"{address.origin}{address.path_prefix}"


REGIONS: Final = [
    *("us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-3", "me-south-1"),
    *("ca-central-1", "us-gov-west-1", "us-gov-east-1"),
]


@pytest.mark.parametrize("region", REGIONS)
async def test_every_region_has_its_own_host(region: str) -> None:
    address = await address_of(location(region=region))
    assert address == Address(
        scheme="https", host=f"bkt.s3.{region}.amazonaws.com", path_prefix="/", region=region
    )


@pytest.mark.parametrize("region", ["cn-north-1", "cn-northwest-1"])
async def test_china_has_its_own_domain(region: str) -> None:
    address = await address_of(location(region=region))
    assert url_of(address) == f"https://bkt.s3.{region}.amazonaws.com.cn/"
    assert address.region == region


@pytest.mark.parametrize(
    ("bucket", "url"),
    [
        (location("my.dot.bkt"), "https://s3.eu-west-1.amazonaws.com/my.dot.bkt/"),
        (location(addressing_style="path"), "https://s3.eu-west-1.amazonaws.com/bkt/"),
        (location(region="us-east-1", fips=True), "https://bkt.s3-fips.us-east-1.amazonaws.com/"),
        (
            location(region="us-gov-west-1", fips=True),
            "https://bkt.s3-fips.us-gov-west-1.amazonaws.com/",
        ),
        (location(dual_stack=True), "https://bkt.s3.dualstack.eu-west-1.amazonaws.com/"),
        (
            location(region="us-east-1", fips=True, dual_stack=True),
            "https://bkt.s3-fips.dualstack.us-east-1.amazonaws.com/",
        ),
        (location(accelerate=True), "https://bkt.s3-accelerate.amazonaws.com/"),
        (
            location(accelerate=True, dual_stack=True),
            "https://bkt.s3-accelerate.dualstack.amazonaws.com/",
        ),
    ],
    ids=str,
)
async def test_address_of_a_bucket_on_aws(bucket: Location, url: str) -> None:
    address = await address_of(bucket)
    assert url_of(address) == url
    assert address.region == bucket.region


@pytest.mark.parametrize("arn", [ACCESS_POINT, ACCESS_POINT.replace("point/", "point:")])
@pytest.mark.parametrize("style", ["virtual", "path"])
async def test_the_region_of_an_access_point_wins(arn: str, style: str) -> None:
    address = await address_of(location(arn, addressing_style=style))
    host = "reports-111122223333.s3-accesspoint.us-west-2.amazonaws.com"
    assert address == Address(scheme="https", host=host, path_prefix="/", region="us-west-2")


@pytest.mark.parametrize(
    ("endpoint", "style", "url"),
    [
        (STORE, "path", "http://127.0.0.1:9000/bkt/"),
        (f"{STORE}/", "path", "http://127.0.0.1:9000/bkt/"),
        ("https://store.test/of/ours", "path", "https://store.test/of/ours/bkt/"),
        ("https://store.test/of/ours/", "path", "https://store.test/of/ours/bkt/"),
        ("https://store.test", "virtual", "https://bkt.store.test/"),
        ("https://store.test:8443", "virtual", "https://bkt.store.test:8443/"),
        ("https://store.test/of/ours", "virtual", "https://bkt.store.test/of/ours/"),
        ("http://[::1]:9000", "path", "http://[::1]:9000/bkt/"),
        (STORE, "virtual", "http://127.0.0.1:9000/bkt/"),  # an IP address has no subdomains
    ],
)
async def test_address_of_a_bucket_at_another_store(endpoint: str, style: str, url: str) -> None:
    address = await address_of(location(endpoint_url=endpoint, addressing_style=style))
    assert url_of(address) == url
    assert address.region == "eu-west-1"


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("https://store.test:443", "store.test"),
        ("http://store.test:80", "store.test"),
        ("https://store.test:80", "store.test:80"),
        ("http://Store.Test:9000", "store.test:9000"),
    ],
)
async def test_the_signed_host_is_what_clients_send(endpoint: str, host: str) -> None:
    """RFC 9110, 4.2.3: they send it in lower case, and leave the default port out."""
    address = await address_of(location(endpoint_url=endpoint, addressing_style="path"))
    assert address.host == host


MULTI_REGION: Final = [
    "arn:aws:s3::111122223333:accesspoint/mfzwi23gnjvgw.mrap",
    "arn:aws:s3::111122223333:accesspoint:mfzwi23gnjvgw.mrap",
    "arn:aws:s3::111122223333:accesspoint/Alias.mrap",
    "arn:aws:s3::111122223333:accesspoint/reports",
]


@pytest.mark.parametrize("arn", MULTI_REGION)
async def test_a_multi_region_access_point_is_refused(arn: str) -> None:
    (problem,) = await problems_of(reports=location(arn))
    assert problem.startswith("buckets.reports: a Multi-Region Access Point needs SigV4A")


@pytest.mark.parametrize(
    ("bucket", "text"),
    [
        (location("bkt--usw2-az1--x-s3"), "an S3 Express directory bucket needs CreateSession"),
        (location("bkt--usw2-az1--xa-s3"), "an S3 Express directory bucket needs CreateSession"),
        (
            location("bkt--usw2-az1--x-s3", endpoint_url=STORE, addressing_style="path"),
            "an S3 Express directory bucket needs CreateSession",
        ),
        (
            location(ACCESS_POINT, endpoint_url=STORE),
            "an ARN cannot be combined with an endpoint_url",
        ),
        (
            location("arn:aws:s3-outposts:us-west-2:111122223333:outpost/op-01/accesspoint/a"),
            "signed for s3-outposts",
        ),
        (
            location("arn:aws:s3-object-lambda:us-west-2:111122223333:accesspoint/a"),
            "signed for s3-object-lambda",
        ),
        (
            location("arn:aws-cn:s3:cn-north-1:111122223333:accesspoint/reports"),
            "Client was configured for partition",
        ),
        (location("arn:aws:s3:::bkt"), "Invalid bucket name"),
        (location(accelerate=True, fips=True), "Accelerate cannot be used with FIPS"),
        (location("my.dot.bkt", accelerate=True), "Path-style addressing cannot be used"),
        (location(accelerate=True, endpoint_url=STORE), "cannot be combined with S3 Accelerate"),
    ],
    ids=str,
)
async def test_a_bucket_that_cannot_be_signed_for_is_refused(bucket: Location, text: str) -> None:
    (problem,) = await problems_of(reports=bucket)
    assert problem.startswith("buckets.reports: ")
    assert text in problem


@pytest.mark.parametrize(
    "bucket",
    [
        location(endpoint_url="http://un_der.score"),
        location(endpoint_url="https://"),
        location(endpoint_url="http://[::1"),
        location(region="-eu"),
    ],
    ids=str,
)
async def test_an_invalid_endpoint_or_region_is_refused(bucket: Location) -> None:
    (problem,) = await problems_of(reports=bucket)
    assert problem.startswith("buckets.reports: ")


async def test_all_problems_are_reported_at_once() -> None:
    problems = await problems_of(
        one=location(MULTI_REGION[0]),
        good=location(),
        two=location("bkt--usw2-az1--x-s3"),
        three=location(ACCESS_POINT, endpoint_url=STORE),
        unknown=location("arn:aws:s3:::bkt"),
    )
    assert sorted(problem.split(":")[0] for problem in problems) == [
        *("buckets.one", "buckets.three", "buckets.two", "buckets.unknown")
    ]


async def test_each_name_gets_its_own_address() -> None:
    names = ["a", "b", "c", "d"]
    places = [location("one"), location("two"), location("one", "us-west-2"), location("one")]
    addresses = await resolve(dict(zip(names, places, strict=True)))
    assert {name: address.host for name, address in addresses.items()} == {
        "a": "one.s3.eu-west-1.amazonaws.com",
        "b": "two.s3.eu-west-1.amazonaws.com",
        "c": "one.s3.us-west-2.amazonaws.com",
        "d": "one.s3.eu-west-1.amazonaws.com",
    }


async def test_no_buckets_have_no_addresses() -> None:
    assert await resolve({}) == {}


SEVERAL: Final = {
    "plain": location(region="us-east-1"),
    "arn": location(ACCESS_POINT, region="us-east-1"),
}
ADDRESSES: Final = {
    "plain": "https://bkt.s3.us-east-1.amazonaws.com/",
    "arn": "https://reports-111122223333.s3-accesspoint.us-west-2.amazonaws.com/",
}


async def addresses_of_several() -> dict[str, str]:
    return {name: url_of(address) for name, address in (await resolve(SEVERAL)).items()}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_ENDPOINT_URL_S3", "http://elsewhere.test"),
        ("AWS_ENDPOINT_URL", "http://elsewhere.test"),
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
        ("AWS_S3_US_EAST_1_REGIONAL_ENDPOINT", "legacy"),
        ("AWS_S3_USE_ARN_REGION", "false"),
        ("AWS_S3_DISABLE_MULTIREGION_ACCESS_POINTS", "true"),
        ("AWS_DEFAULT_REGION", "ap-south-1"),
        ("AWS_REGION", "ap-south-1"),
        ("AWS_DEFAULTS_MODE", "mobile"),
        ("AWS_AUTH_SCHEME_PREFERENCE", "sigv4a"),
        ("AWS_ACCESS_KEY_ID", "AKIDELSEWHERE"),
        ("AWS_SESSION_TOKEN", "token"),
    ],
)
async def test_the_environment_changes_nothing(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert await addresses_of_several() == ADDRESSES


@pytest.mark.parametrize(
    "setting",
    [
        "endpoint_url = http://elsewhere.test",
        "use_fips_endpoint = true",
        "use_dualstack_endpoint = true",
        "region = ap-south-1",
        "s3 =\n  addressing_style = path",
        "s3 =\n  signature_version = s3",
        "s3 =\n  us_east_1_regional_endpoint = legacy",
        "s3 =\n  use_accelerate_endpoint = true",
        "s3 =\n  use_dualstack_endpoint = true",
        "s3 =\n  use_arn_region = false",
        "services = mine\n[services mine]\ns3 =\n  endpoint_url = http://elsewhere.test",
    ],
)
async def test_the_configuration_file_of_the_sdk_changes_nothing(
    setting: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "config"
    path.write_text(f"[default]\n{setting}\n", encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    assert await addresses_of_several() == ADDRESSES
