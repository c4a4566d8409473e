"""The SDK's sessions and clients, with bounded responses."""

from functools import partial
from typing import Any, Final

import aioboto3
from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from aiobotocore.session import AioSession

from service.http_client.bounded import bound_responses

MAX_RESPONSE_BYTES: Final = 64 * 1024  # credentials have some 3 KiB


class SdkConfig(AioConfig):  # type: ignore[misc]
    """The configuration of a client whose responses have at most `max_response_bytes`."""

    def __init__(self, *, max_response_bytes: int = MAX_RESPONSE_BYTES, **options: Any) -> None:
        connections = partial(_Connections, max_response_bytes=max_response_bytes)
        super().__init__(http_session_cls=connections, **options)

    def merge(self, other_config: Any) -> Any:
        """Keep the class of connections, which aiobotocore 2.25 forgets here."""
        chosen = other_config if isinstance(other_config, SdkConfig) else self
        merged = super().merge(other_config)
        merged.http_session_cls = chosen.http_session_cls
        return merged


def sdk_session() -> aioboto3.Session:
    """Return a session that also bounds what its own clients get, such as STS's for a Pod.

    Not bounded: the SDK's requests to link-local endpoints for credentials (IMDS, ECS, EKS).
    """
    session = AioSession()
    session.set_default_client_config(SdkConfig())
    return aioboto3.Session(botocore_session=session)


class _Connections(AIOHTTPSession):  # type: ignore[misc]
    def __init__(self, *args: Any, max_response_bytes: int, **options: Any) -> None:
        super().__init__(*args, **options)
        self._max_response_bytes = max_response_bytes

    def _create_connector(self, proxy_url: str | None) -> Any:
        return bound_responses(super()._create_connector(proxy_url), self._max_response_bytes)
