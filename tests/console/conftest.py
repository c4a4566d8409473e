from tests.api.conftest import _client

__all__ = ["_client"]  # a fixture, found by its name
