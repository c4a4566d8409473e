"""What a caller may demand of its grants."""

from dataclasses import replace
from typing import Any

from service.access.grants import Allowed, Demand, Operation

ALLOWED = Allowed(None)


def a_demand(**changes: Any) -> Demand:
    demand = Demand(operation=Operation.DOWNLOAD, bucket="reports", key="a/b")
    return replace(demand, **changes)


def an_upload(**changes: Any) -> Demand:
    return replace(a_demand(operation=Operation.UPLOAD, content_length=5), **changes)


def a_form(**changes: Any) -> Demand:
    return replace(a_demand(operation=Operation.FORM, content_length=5), **changes)
