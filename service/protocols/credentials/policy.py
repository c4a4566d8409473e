"""The policy of a program's credentials. Pure."""

from collections.abc import Iterable
from typing import Final

from service.access.bucket_arns import BucketArns
from service.access.grants import Grant
from service.access.narrowing import vended_grants
from service.access.session_policy import vended_policy
from service.protocols.credentials.answers import CredentialsRequest
from service.sessions import signature_age

# S3 accepts a request with a signature in its headers for 15 minutes:
# docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html
_HEADER_SIGNATURE: Final = 900  # seconds


def policy_for(
    grants: Iterable[Grant], request: CredentialsRequest, arns: BucketArns
) -> str | None:
    """Return the policy of a caller's credentials, or None if nothing of it is granted.

    It may be longer than STS accepts. Raises InvalidRequest for a prefix that no policy can have.
    """
    vended = vended_grants(grants, request.bucket, request.prefix, request.permission)
    if not vended:
        return None
    max_age = signature_age.max_age(vended, at_least=_HEADER_SIGNATURE)
    return vended_policy(vended, arns, max_age=max_age)
