"""Every operation works with the static keys of a user with `store-user.json`."""

from pathlib import Path
from typing import Any

from tests.end_to_end.iam.deployed import Deployment
from tests.end_to_end.iam.every_operation import refused_operations
from tests.end_to_end.operators import document
from tests.support.service import run_service


def test_with_the_users_keys_every_operation_works(deployed: Deployment, tmp_path: Path) -> None:
    keys = deployed.create_user(deployed.here(document("store-user.json")))
    environment = {name.upper(): value for name, value in keys.items()}
    static: dict[str, Any] = {"credentials": "static", "role_arn": None}
    with run_service(deployed.store, tmp_path, environment, **static) as service:
        assert refused_operations(service, deployed.store) == set()
