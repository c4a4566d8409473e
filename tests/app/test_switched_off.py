"""Protocols that the configuration does not turn on, or turns off while the service runs."""

import re
from collections.abc import Iterator
from typing import Any, Final

from service.api.route import ApiRoute
from service.app.protocols import PROTOCOLS
from tests.support.app import app_of, make_app_settings, make_open_grant, run_app


def every_route() -> Iterator[tuple[str, str, str]]:
    """Yield each route that says that its protocol is off: a method, a path and the feature."""
    for served in (each.served() for each in PROTOCOLS if not each.unseen_while_off):
        for route in (route for router in served.routers for route in router.routes):
            assert isinstance(route, ApiRoute)
            path = re.sub("{[^}]+}", "a", route.path)
            methods = sorted({*(route.methods or ())} - {"HEAD"})  # which has no text
            yield from ((method, path, served.feature) for method in methods)


BY_TICKET: Final = "/lfs/a/uploads/a"  # not for callers
CALLS: Final = [call for call in every_route() if BY_TICKET not in call]
# What a caller reads, in the form of that protocol's errors.
TURNED_OFF: Final = [
    ("GET", "/o/demo/a", "object URLs"),
    ("PUT", "/o/demo/a", "object URLs"),
    ("GET", "/simple/wheels/", "package indexes"),
    ("POST", "/lfs/design/objects/batch", "Git LFS"),
    ("GET", "/api/2.0/mlflow-artifacts/artifacts?path=models", "MLflow artifacts"),
    ("GET", "/hf/api/models/acme/llama", "the Hugging Face Hub"),
    ("GET", "/caches/web/v8/artifacts/abc", "build caches"),
    ("GET", "/caches/web/v1/cache/abc", "build caches"),
    ("POST", "/caches/web/tickets", "build caches"),
    ("GET", "/uppy/s3/params?filename=a.txt&type=text/plain", "uploads for Uppy"),
]
OFF: Final = make_app_settings(make_open_grant(allow=["download"]), objects=False)


async def test_a_caller_reads_that_a_feature_is_off() -> None:
    async with run_app(OFF) as client:
        for method, path, feature in [*CALLS, *TURNED_OFF]:
            answer = await client.request(method, path)
            said = f"This service does not offer {feature}: it is not configured here."
            assert (path, answer.status_code, said in answer.text) == (path, 404, True)


async def test_strangers_do_not_learn_what_is_off() -> None:
    async with run_app(OFF) as client:
        client.headers["Authorization"] = "Bearer wrong"
        for method, path, feature in [*CALLS, *TURNED_OFF]:
            answer = await client.request(method, path)
            assert (path, answer.status_code, feature in answer.text) == (path, 401, False)


async def test_a_caller_reads_that_share_links_are_off() -> None:
    async with run_app(OFF) as client:
        body = {"bucket": "demo", "key": "a"}
        made = await client.post("/v1/links", json=body)
        ended = await client.delete("/v1/links/lnk_AAAAAAAAAAAAAAAAAAAAAAAA")
        visited = await client.get("/l/AAAA")
    for answer in (made, ended):
        assert (answer.status_code, "does not offer share links" in answer.text) == (404, True)
    assert (visited.status_code, visited.json()["detail"]) == (404, "No such resource.")


async def test_the_sts_door_is_no_path_while_it_is_off() -> None:
    async with run_app(OFF) as client:
        answer = await client.post("/sts", data={"WebIdentityToken": "any"})
    assert (answer.status_code, answer.json()["detail"]) == (404, "No such resource.")


async def test_an_upload_without_a_ticket_is_unknown_while_git_lfs_is_off() -> None:
    async with run_app(OFF) as client:
        answer = await client.post("/lfs/design/uploads/AAAA")
    assert (answer.status_code, answer.json()["message"]) == (404, "There is no such upload.")


async def test_a_feature_that_a_reload_turns_off_says_so() -> None:
    sections: dict[str, Any] = {
        "package_index": {"wheels": {"bucket": "demo", "prefix": "w/"}},
        "git_lfs": {"repositories": {"design": {"bucket": "demo", "prefix": "lfs/"}}},
        "mlflow": {"roots": {"models": {"bucket": "demo", "prefix": "m/"}}},
        "hugging_face": {"models": {"bucket": "demo", "prefix": "m/"}},
        "build_caches": {"web": {"bucket": "demo", "trusted": "c/"}},
        "uppy": {"bucket": "demo", "prefix": "u/{caller}/"},
    }
    batch = {"operation": "download", "objects": [{"oid": "0" * 64, "size": 1}]}
    async with run_app(make_app_settings(make_open_grant(), **sections)) as client:
        for use_case in app_of(client).services.protocols.values():
            use_case.configure(None)
        for method, path, feature in TURNED_OFF:
            body = batch if "lfs" in path else None
            answer = await client.request(method, path, json=body)
            assert answer.status_code == 404
            assert f"does not offer {feature}" in answer.text
