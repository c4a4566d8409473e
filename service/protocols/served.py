"""The routes of a protocol, and the use case that they find by its type."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from fastapi import APIRouter

from service.access.surfaces import Surface
from service.api.parts import Core, UseCase
from service.api.route import ApiRoute

V = TypeVar("V")  # what its use case receives of the settings


class BasicRoute(ApiRoute):
    """For clients that may send a key or a token as a Basic password."""

    accepts_basic = True


@dataclass(frozen=True, kw_only=True)
class Served(Generic[V]):
    """A protocol as the app composes it.

    - `use_case`: makes what the routes find by its type, with the values of the start
    - `feature`: the name in the error `This service does not offer …`
    - `routers`: while it is off, they only answer authenticated callers with that error
    - `public_routers`: for people without a credential; while it is off, they do not exist
    - `surface`: whose downloads these are, for buckets that CloudFront delivers
    - `api_routers`: routes in openapi.yaml. They are always registered. While off, each handler
      raises NotConfigured.
    """

    feature: str
    use_case: Callable[[Core, V | None], UseCase[V]]
    routers: tuple[APIRouter, ...] = ()
    public_routers: tuple[APIRouter, ...] = ()
    api_routers: tuple[APIRouter, ...] = ()
    surface: Surface = "protocols"
