"""The address of each kind of bucket, what is refused, and what has no influence."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from service.errors import ConfigurationError
from service.s3 import botocore_endpoints, endpoints
from service.s3.endpoints import resolve
from service.s3.location import Location
from service.signing.signer import Address

ACCESS_POINT: Final = "arn:aws:s3:us-west-2:111122223333:accesspoint/reports"
STORE: Final = "http://127.0.0.1:9000"


def location(bucket: str = "bkt", region: str = "eu-west-1", **more: Any) -> Location:
    return Location(bucket=bucket, region=region, **more)


def at_store(endpoint: str, style: str = "path", *, bucket: str = "bkt") -> Location:
    return location(bucket, endpoint_url=endpoint, addressing_style=style)


def address_of(location: Location) -> Address:
    return resolve({"name": location}, in_process=True).addresses["name"]


def problems_of(locations: Mapping[str, Location], *, in_process: bool = True) -> list[str]:
    with pytest.raises(ConfigurationError) as refusal:
        resolve(locations, in_process=in_process)
    return [str(each) for each in refusal.value.problems]


def url_of(address: Address) -> str:
    return f"{address.origin}{address.path_prefix}"


REGIONS: Final = [
    *("us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-3", "me-south-1"),
    *("ca-central-1", "us-gov-west-1", "us-gov-east-1"),
]
IN_VIRGINIA: Final[dict[str, Any]] = {"region": "us-east-1", "fips": True}
IN_GOV: Final[dict[str, Any]] = {"region": "us-gov-west-1", "fips": True}
BUCKETS: Final[list[tuple[Location, str]]] = [
    *((location(region=each), f"https://bkt.s3.{each}.amazonaws.com/") for each in REGIONS),
    *(
        (location(region=each), f"https://bkt.s3.{each}.amazonaws.com.cn/")
        for each in ("cn-north-1", "cn-northwest-1")
    ),
    (location("my.dot.bkt"), "https://s3.eu-west-1.amazonaws.com/my.dot.bkt/"),
    (location(addressing_style="path"), "https://s3.eu-west-1.amazonaws.com/bkt/"),
    (location(**IN_VIRGINIA), "https://bkt.s3-fips.us-east-1.amazonaws.com/"),
    (location(**IN_GOV), "https://bkt.s3-fips.us-gov-west-1.amazonaws.com/"),
    (location(dual_stack=True), "https://bkt.s3.dualstack.eu-west-1.amazonaws.com/"),
    (
        location(**IN_VIRGINIA, dual_stack=True),
        "https://bkt.s3-fips.dualstack.us-east-1.amazonaws.com/",
    ),
    (location(accelerate=True), "https://bkt.s3-accelerate.amazonaws.com/"),
    (
        location(accelerate=True, dual_stack=True),
        "https://bkt.s3-accelerate.dualstack.amazonaws.com/",
    ),
    (at_store(STORE), "http://127.0.0.1:9000/bkt/"),
    (at_store(f"{STORE}/"), "http://127.0.0.1:9000/bkt/"),
    (at_store("https://store.test/of/ours"), "https://store.test/of/ours/bkt/"),
    (at_store("https://store.test/of/ours/"), "https://store.test/of/ours/bkt/"),
    (at_store("https://store.test", "virtual"), "https://bkt.store.test/"),
    (at_store("https://store.test:8443", "virtual"), "https://bkt.store.test:8443/"),
    (at_store("https://store.test/of/ours", "virtual"), "https://bkt.store.test/of/ours/"),
    (at_store("http://[::1]:9000"), "http://[::1]:9000/bkt/"),
    # An IP address has no subdomains.
    (at_store(STORE, "virtual"), "http://127.0.0.1:9000/bkt/"),
    # RFC 9110, 4.2.3: clients send the host in lower case, and leave the default port out.
    (at_store("https://store.test:443"), "https://store.test/bkt/"),
    (at_store("http://store.test:80"), "http://store.test/bkt/"),
    (at_store("https://store.test:80"), "https://store.test:80/bkt/"),
    (at_store("http://Store.Test:9000"), "http://store.test:9000/bkt/"),
]


@pytest.mark.parametrize(("bucket", "url"), BUCKETS, ids=str)
def test_the_address_of_a_bucket(bucket: Location, url: str) -> None:
    address = address_of(bucket)
    assert url_of(address) == url
    assert address.region == bucket.region


@pytest.mark.parametrize("arn", [ACCESS_POINT, ACCESS_POINT.replace("point/", "point:")])
@pytest.mark.parametrize("style", ["virtual", "path"])
def test_the_region_of_an_access_point_wins(arn: str, style: str) -> None:
    address = address_of(location(arn, addressing_style=style))
    host = "reports-111122223333.s3-accesspoint.us-west-2.amazonaws.com"
    assert address == Address(scheme="https", host=host, path_prefix="/", region="us-west-2")


MULTI_REGION: Final = "arn:aws:s3::111122223333:accesspoint"
NO_SIGV4A: Final = "a Multi-Region Access Point needs SigV4A"
NO_EXPRESS: Final = "an S3 Express directory bucket needs CreateSession"
REFUSED: Final[list[tuple[Location, str]]] = [
    (location(f"{MULTI_REGION}/mfzwi23gnjvgw.mrap"), NO_SIGV4A),
    (location(f"{MULTI_REGION}:mfzwi23gnjvgw.mrap"), NO_SIGV4A),
    (location(f"{MULTI_REGION}/Alias.mrap"), NO_SIGV4A),
    (location(f"{MULTI_REGION}/reports"), NO_SIGV4A),
    (location("bkt--usw2-az1--x-s3"), NO_EXPRESS),
    (location("bkt--usw2-az1--xa-s3"), NO_EXPRESS),
    (at_store(STORE, bucket="bkt--usw2-az1--x-s3"), NO_EXPRESS),
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
    (location(endpoint_url="http://un_der.score"), ""),
    (location(endpoint_url="https://"), ""),
    (location(endpoint_url="ftp://127.0.0.1"), "was not a valid URI"),
    (location(endpoint_url="http://[::1"), ""),
    (location(region="-eu"), ""),
]


@pytest.mark.parametrize(("bucket", "text"), REFUSED, ids=str)
def test_a_bucket_that_cannot_be_signed_for_is_refused(bucket: Location, text: str) -> None:
    (problem,) = problems_of({"reports": bucket})
    assert problem.startswith("buckets.reports: ")
    assert text in problem


def test_all_problems_are_reported_at_once() -> None:
    refused = {f"bucket-{number}": bucket for number, (bucket, _) in enumerate(REFUSED)}
    problems = problems_of({**refused, "good": location()})
    assert sorted(problem.split(":")[0] for problem in problems) == sorted(
        f"buckets.{name}" for name in refused
    )


def test_each_name_gets_its_own_address() -> None:
    names = ["a", "b", "c", "d"]
    places = [location("one"), location("two"), location("one", "us-west-2"), location("one")]
    addresses = resolve(dict(zip(names, places, strict=True)), in_process=True).addresses
    assert {name: address.host for name, address in addresses.items()} == {
        "a": "one.s3.eu-west-1.amazonaws.com",
        "b": "two.s3.eu-west-1.amazonaws.com",
        "c": "one.s3.us-west-2.amazonaws.com",
        "d": "one.s3.eu-west-1.amazonaws.com",
    }
    assert resolve({}, in_process=True).addresses == {}


SEVERAL: Final = {
    "plain": location(region="us-east-1"),
    "arn": location(ACCESS_POINT, region="us-east-1"),
}
ADDRESSES: Final = {
    "plain": "https://bkt.s3.us-east-1.amazonaws.com/",
    "arn": "https://reports-111122223333.s3-accesspoint.us-west-2.amazonaws.com/",
}


def addresses_of_several() -> dict[str, str]:
    found = resolve(SEVERAL, in_process=True).addresses
    return {name: url_of(address) for name, address in found.items()}


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
def test_the_environment_changes_nothing(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert addresses_of_several() == ADDRESSES


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
def test_the_configuration_file_of_the_sdk_changes_nothing(
    setting: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "config"
    path.write_text(f"[default]\n{setting}\n", encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    assert addresses_of_several() == ADDRESSES


INTERNAL: Final = location(
    endpoint_url="https://files.test",
    addressing_style="path",
    internal=at_store("http://store.internal:9000"),
)


def test_a_process_resolves_the_buckets() -> None:
    locations = {"aws": location(), "internal": INTERNAL, "arn": location(ACCESS_POINT)}
    found = resolve(locations)
    assert found == resolve(locations, in_process=True)
    assert {"eu-west-1", "cn-north-1", "us-gov-west-1"} <= found.known_regions


def test_other_work_is_done_beside_the_process() -> None:
    done: list[str] = []
    found = resolve(SEVERAL, meanwhile=lambda: done.append("imported"))
    assert (done, found) == (["imported"], resolve(SEVERAL, in_process=True))


def test_what_the_process_refuses_is_said_as_well() -> None:
    refused = {f"bucket-{number}": bucket for number, (bucket, _) in enumerate(REFUSED)}
    assert problems_of(refused, in_process=False) == problems_of(refused)


def run_python(script: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout


def test_this_process_does_not_import_the_sdk() -> None:
    script = """
import sys
from service.s3.endpoints import resolve
from service.s3.location import Location
resolve({"name": Location(bucket="bkt", region="eu-west-1")})
print(sorted({"botocore", "boto3", "aioboto3", "urllib3"} & set(sys.modules)))
"""
    assert run_python(script) == "[]\n"


def test_the_other_process_imports_only_botocore() -> None:
    script = """
import sys
import service.s3.botocore_endpoints
print(sorted(name for name in sys.modules if name.startswith("service.")))
print(sorted({"aioboto3", "boto3", "aiohttp", "pydantic", "fastapi", "httpx"} & set(sys.modules)))
"""
    ours, heavy = run_python(script).splitlines()
    assert ours == str(["service.s3", "service.s3.botocore_endpoints", "service.s3.location"])
    assert heavy == "[]"


def test_the_current_directory_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(botocore_endpoints, "find_addresses", None)  # not in this process
    assert resolve({"name": location()}).addresses["name"].host == "bkt.s3.eu-west-1.amazonaws.com"


NO_PROCESS: Final = {
    "no new process is permitted": PermissionError(),
    "there is no memory for one": MemoryError(),
}


@pytest.mark.parametrize("failure", NO_PROCESS.values(), ids=NO_PROCESS)
def test_without_a_process_it_is_done_here(
    failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_: Any, **__: Any) -> None:
        raise failure

    monkeypatch.setattr(subprocess, "Popen", start)
    assert resolve(SEVERAL) == resolve(SEVERAL, in_process=True)


PROGRAMS: Final = {
    "it says something else": "input(); print('hello')",
    "it fails": "input(); raise SystemExit(1)",
    "it is killed": "import os; os.kill(os.getpid(), 9)",
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_process_that_fails_is_replaced(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "_COMMAND", [sys.executable, "-c", program])
    assert resolve(SEVERAL) == resolve(SEVERAL, in_process=True)
