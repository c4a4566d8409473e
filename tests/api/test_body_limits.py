"""The limit of a body is that of its model."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar, Final, get_type_hints

import pytest
from starlette.types import Scope

from service.access.callers import Identity
from service.api.body import MAX_BATCH_BYTES, MAX_BODY_BYTES
from service.api.limits import shared_limits
from service.api.parts import Parts
from service.api.problems import Problems
from service.api.request_state import start_request
from service.api.route import ApiRoute, AuthenticatedRequest
from service.api.schemas import StrictRequest
from service.api.shutdown import Drain
from service.app.factory import _ROUTERS
from service.auth.token_verifier import TokenVerifier
from service.protocols.uppy import routes as uppy
from service.telemetry.metrics import Metrics
from tests.support.authorizer import make_harness
from tests.support.factories import CALLER, make_snapshot
from tests.support.virtual_time import FakeClock, in_virtual_time

LONG: Final = {
    *(f"{name}UrlBatchRequest" for name in ("Download", "Upload", "Copy", "Head", "Delete")),
    *("CompleteUploadRequest", "CompleteRequest"),  # the second is Uppy's
}


class Named(StrictRequest):
    """Has fields that make other models long."""

    items: list[str]
    parts: list[str]


class Declared(StrictRequest):
    max_body_bytes: ClassVar[int] = 1000

    name: str


async def named(call: AuthenticatedRequest, body: Named) -> bytes:
    return b"taken"


async def declared(call: AuthenticatedRequest, body: Declared) -> bytes:
    return b"taken"


@pytest.mark.parametrize(
    ("endpoint", "body", "limit"),
    [
        pytest.param(named, b'{"items": [], "parts": []}', MAX_BODY_BYTES, id="named as others"),
        pytest.param(declared, b'{"name": "a"}', 1000, id="declared"),
    ],
)
@in_virtual_time
async def test_a_body_has_the_limit_of_its_model(
    endpoint: Callable[..., Any], body: bytes, limit: int
) -> None:
    route = ApiRoute("/x", endpoint, methods=["POST"], response_model=None)
    assert (await route.respond(sent(route, body.ljust(limit)))).body == b"taken"
    refused = await route.respond(sent(route, body.ljust(limit + 1)))
    assert f"longer than {limit} bytes".encode() in refused.body


def test_only_batches_and_completions_may_have_long_bodies() -> None:
    routes = [route for router in (*_ROUTERS, uppy.router) for route in router.routes]
    hints = [get_type_hints(route.endpoint) for route in routes if isinstance(route, ApiRoute)]
    limits = {
        each["body"].__name__: each["body"].max_body_bytes for each in hints if "body" in each
    }
    assert {name for name, limit in limits.items() if limit == MAX_BATCH_BYTES} == LONG
    assert {limit for name, limit in limits.items() if name not in LONG} == {MAX_BODY_BYTES}


def sent(route: ApiRoute, body: bytes) -> AuthenticatedRequest:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    limits = shared_limits(8, FakeClock().boot)
    parts = Parts(drain=Drain(), metrics=Metrics(), problems=Problems(), limits=limits)
    snapshot = make_snapshot()
    snapshot.unsafe_anonymous_caller = Identity(CALLER)
    harness = make_harness(snapshot)
    core: Any = SimpleNamespace(authorizer=harness.authorizer, presigner=harness.presigner)
    parts.core = core
    parts.tokens = TokenVerifier([], clock=FakeClock())
    app = SimpleNamespace(parts=parts)
    scope: Scope = {"type": "http", "headers": [], "app": app, "route": route}
    start_request(scope)
    parts.limits.requests.acquire()
    return AuthenticatedRequest(scope, receive)
