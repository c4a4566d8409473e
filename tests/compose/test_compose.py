"""The compose project, which `.ci/run` has started: a plain `pytest` does not run these tests.

DOCKER is the client's command and PRESIGN_PORT the published port, if they are not the usual ones.
"""

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from packaging.utils import canonicalize_name

from tests.supply_chain import bill

DOCKER = shlex.split(os.environ.get("DOCKER", "docker"))
PRESIGN_PORT = os.environ.get("PRESIGN_PORT", "8000")
STORE_PORT = "5000"
CONTENT = b"hello from the host"
UNWANTED = [
    *("pip", "pip3", "uv"),
    *("cc", "gcc", "g++", "clang", "cpp", "as", "ld", "make", "go", "rustc"),
]
INSTALLERS = ["pip", "ensurepip", "setuptools"]
PYTHON_VERSION = "import sys; print('{}.{}'.format(*sys.version_info))"


@pytest.fixture(scope="module")
def presign() -> Iterator[httpx.Client]:
    url, headers = f"http://localhost:{PRESIGN_PORT}", {"Authorization": "Bearer demo"}
    with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def host() -> Iterator[httpx.Client]:
    """A client that has a URL, and no credentials."""
    with httpx.Client(trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture(scope="module", params=[PRESIGN_PORT, STORE_PORT], ids=["presign", "store"])
def container(request: pytest.FixtureRequest) -> str:
    return container_behind(request.param)


def test_it_is_ready_and_serves_the_openapi_document(presign: httpx.Client) -> None:
    assert presign.get("/readyz").status_code == 200
    assert presign.get("/openapi.json").json()["openapi"].startswith("3.1")


def test_without_a_key_nothing_is_signed(presign: httpx.Client) -> None:
    ask = {"bucket": "demo", "key": "a.txt"}
    response = presign.post("/v1/download-urls", json=ask, headers={"Authorization": "Bearer no"})
    assert response.status_code == 401


def test_an_upload_and_a_download_work_from_the_host(
    presign: httpx.Client, host: httpx.Client
) -> None:
    described = {"content_type": "text/plain", "metadata": {"purpose": "smoke"}, "overwrite": True}
    key, length = "a folder/ä+b.txt", len(CONTENT)
    upload = sign(presign, "upload-urls", key=key, content_length=length, **described)
    assert send(host, upload, content=CONTENT).status_code == 200

    answer = send(host, sign(presign, "download-urls", key=key))
    assert answer.content == CONTENT
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["x-amz-meta-purpose"] == "smoke"


def test_the_store_refuses_one_byte_more(presign: httpx.Client, host: httpx.Client) -> None:
    signed = sign(presign, "upload-urls", key="five.txt", content_length=5)
    refused = host.request(
        signed["method"], signed["url"], headers=signed["headers"], content=b"hello!"
    )
    assert refused.status_code == 403
    assert "<Code>SignatureDoesNotMatch</Code>" in refused.text


def test_a_share_link_works_without_a_key(presign: httpx.Client, host: httpx.Client) -> None:
    request = {"bucket": "demo", "key": "linked.txt"}
    send(host, sign(presign, "upload-urls", **request, content_length=5, overwrite=True), b"hello")
    made = presign.post("/v1/links", json=request).raise_for_status().json()
    path = httpx.URL(made["url"]).path  # the published port may be another one
    found = host.get(f"http://localhost:{PRESIGN_PORT}{path}", follow_redirects=True)
    assert found.text == "hello"


def test_the_image_has_the_client() -> None:
    container = container_behind(PRESIGN_PORT)
    options = ["-e", "PRESIGN_TOKEN=demo", "-e", "PRESIGN_URL=http://127.0.0.1:8000"]
    caller = docker("exec", *options, container, "presign", "whoami", "--json")
    assert json.loads(caller)["subject"] == "demo"


def test_the_role_is_the_session_that_signs(presign: httpx.Client) -> None:
    """A session's key id starts with ASIA, and its URLs have a token; the container's own keys do
    not.
    """
    query = httpx.URL(sign(presign, "download-urls", key="a.txt")["url"]).params
    assert query["X-Amz-Credential"].startswith("ASIA")
    assert query["X-Amz-Security-Token"]


def test_it_runs_unprivileged_and_cannot_gain_privileges(container: str) -> None:
    status = dict(
        line.split(":\t", 1) for line in inside(container, "cat", "/proc/1/status").splitlines()
    )
    assert status["Uid"].split() == ["10001"] * 4
    assert status["Gid"].split() == ["10001"] * 4
    assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {0}
    assert status["NoNewPrivs"] == "1"


def test_its_root_is_read_only(container: str) -> None:
    program = "import os; print(bool(os.statvfs('/').f_flag & os.ST_RDONLY))"
    assert inside(container, "python", "-c", program) == "True"


def test_the_image_has_no_compiler_and_no_package_installer() -> None:
    container = container_behind(PRESIGN_PORT)
    lookup = f"import shutil; print([name for name in {UNWANTED} if shutil.which(name)])"
    assert inside(container, "python", "-c", lookup) == "[]"
    for python in ("python", "/usr/local/bin/python"):
        finder = f"import importlib.util as u; print([name for name in {INSTALLERS} if u.find_spec(name)])"
        assert inside(container, python, "-c", finder) == "[]"


def test_the_image_has_no_setuid_programs() -> None:
    """Compose's no-new-privileges would block them; the image must not depend on that."""
    image = docker("inspect", "--format", "{{.Image}}", container_behind(PRESIGN_PORT))
    as_root = ("run", "--rm", "--network", "none", "--user", "0", "--entrypoint", "find", image)
    assert docker(*as_root, "/", "-xdev", "-type", "f", "-perm", "/6000") == ""


def test_the_bill_of_materials_matches_the_installed_packages() -> None:
    container = container_behind(PRESIGN_PORT)
    written = json.loads(inside(container, "cat", "/app/share/presign.cdx.json"))
    listing = "import importlib.metadata as m; [print(each.name, each.version) for each in m.distributions()]"
    installed = (line.split() for line in inside(container, "python", "-c", listing).splitlines())
    found = {(canonicalize_name(name), is_at) for name, is_at in installed}
    assert bill.packages(written) == found
    listed = inside(container, "dpkg-query", "-W", "-f", "${Package} ${Version}\n").splitlines()
    assert bill.of_debian(written) == {tuple(each.split()) for each in listed}
    bill.check(written, python=inside(container, "python", "-c", PYTHON_VERSION))


def test_the_image_runs_as_non_root_by_default() -> None:
    """Kubernetes' runAsNonRoot needs a number in the image, whatever compose says."""
    image = docker("inspect", "--format", "{{.Image}}", container_behind(PRESIGN_PORT))
    assert docker("image", "inspect", "--format", "{{.Config.User}}", image) == "10001:10001"


def sign(presign: httpx.Client, what: str, **ask: Any) -> dict[str, Any]:
    response = presign.post(f"/v1/{what}", json={"bucket": "demo"} | ask)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def send(
    host: httpx.Client, signed: dict[str, Any], content: bytes | None = None
) -> httpx.Response:
    response = host.request(
        signed["method"], signed["url"], headers=signed["headers"], content=content
    )
    return response.raise_for_status()


def container_behind(port: str) -> str:
    """Find the container by its port, so that the name of the project does not matter."""
    containers = docker("ps", "--quiet", "--filter", f"publish={port}").split()
    assert len(containers) == 1, f"the containers that publish port {port}: {containers}"
    return containers[0]


def inside(container: str, *command: str) -> str:
    return docker("exec", container, *command)


def docker(*arguments: str) -> str:
    return subprocess.run(
        [*DOCKER, *arguments], check=True, stdout=subprocess.PIPE, text=True, timeout=300
    ).stdout.strip()
