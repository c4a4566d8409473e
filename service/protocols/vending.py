"""Hands out the credentials of a session that IAM limits to what the caller may do.

Rules of this file:
- A vended session is the caller's own, and never one that signs here.
- It has at least VENDED_REMAINING seconds left, or it is not handed out.
- SDKs wait for 2 s, so a request waits less for STS. Its next attempt finds what has arrived.
- The decision is made again after the wait, and is in the audit trail before the answer is sent.
"""

from functools import partial
from typing import Final

from service.access.session_policy import MAX_POLICY_LENGTH
from service.errors import CredentialsUnavailable, Forbidden, InvalidRequest
from service.presigning.authorizer import Authorizer
from service.presigning.requests import Requester
from service.protocols.vended_credentials import CredentialsRequest, VendedCredentials, policy_for
from service.sessions.lifetime import GrantedLifetime, Validity
from service.sessions.pool import NO_SESSION, SessionPool
from service.sessions.pool_entry import SessionKey
from service.sessions.refresh_policy import VENDED_REMAINING

# botocore waits 2 s for an answer (botocore/utils.py, ContainerMetadataFetcher.TIMEOUT_SECONDS).
MAX_WAIT: Final = 1.4  # seconds, to answer within 1.5


class CredentialVending:
    def __init__(self, authorizer: Authorizer, pool: SessionPool) -> None:
        self._authorizer = authorizer
        self._pool = pool

    async def vend(self, requester: Requester, request: CredentialsRequest) -> VendedCredentials:
        """Return credentials, which count as one URL against the caller's rate.

        Raises Forbidden, InvalidRequest for a prefix that no policy can have, and
        CredentialsUnavailable while there is no session; and what `Authorizer.audited` raises.
        """
        vend = partial(self._credentials, requester, request)
        return await self._authorizer.audited(requester, request, request.prefix, vend)

    async def _credentials(
        self, requester: Requester, request: CredentialsRequest
    ) -> VendedCredentials:
        key = self._session_key(requester, request)
        if (found := self._current(key)) is None:
            await self._refresh(key)
            found = self._current(self._session_key(requester, request))
        if found is None:
            raise CredentialsUnavailable(NO_SESSION, retry_after=1)
        return found

    def _session_key(self, requester: Requester, request: CredentialsRequest) -> SessionKey:
        """Raises Forbidden or InvalidRequest."""
        access, name = self._authorizer.access(requester), request.bucket
        bucket = self._authorizer.snapshot.buckets.get(name)
        # The settings demand scoped sessions for `credentials`.
        if bucket is None or not bucket.is_scoped:
            raise Forbidden
        if (policy := policy_for(access.grants, request, bucket.arns)) is None:
            raise Forbidden
        if bucket.arns is not None and len(policy) > MAX_POLICY_LENGTH:
            detail = f"The session policy would exceed {MAX_POLICY_LENGTH} characters. Narrow it."
            raise InvalidRequest(detail, pointer="#/prefix")
        return access.owned[name]._replace(policy=policy, vended=True)

    def _current(self, key: SessionKey) -> VendedCredentials | None:
        if (found := self._pool.current_at(key)) is None:
            return None
        signing, now = found
        session = signing.session
        if session.expires_at - now < VENDED_REMAINING:
            return None
        left = GrantedLifetime(int(session.expires_at) - int(now), None)
        return VendedCredentials(session, Validity(int(now), left))

    async def _refresh(self, key: SessionKey) -> None:
        """Wait for a new session. Raises CredentialsUnavailable if the next attempt is not due."""
        if self._pool.current(key) is not None and not self._pool.renew(key):
            retry_after = self._pool.request_refresh(key)
            raise CredentialsUnavailable(NO_SESSION, retry_after=retry_after)
        await self._pool.ready(key, MAX_WAIT)
