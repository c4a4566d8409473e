"""A bucket as the configuration has it: where it is, what its store does, and who signs for it."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from service.access.bucket_arns import BucketArns
from service.access.r2_rights import no_rights
from service.access.session_policy import deny_all
from service.access.surfaces import Surface
from service.errors import CreateOnlyUnsupported, InvalidRequest
from service.presigning.delivery import Delivery
from service.presigning.requests import SignedAction
from service.presigning.url_signers import SessionSigner, UrlSigner
from service.signing.actions import Encryption, GetObject
from service.signing.signer import Address

_BY_SESSION = SessionSigner()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket. Callers use its name in the configuration; the store's name is `s3_bucket`.

    With `arns` policies confine its sessions, with `has_tokens` tokens of R2 do. Without both, one
    session signs for all callers. If the store does not compare the hash of a payload, it accepts a
    body other than the signed one. Objects are copied between buckets with an equal `copy_group`
    only: the role or keys, and where they work.
    """

    s3_bucket: str
    address: Address
    arns: BucketArns | None = None
    has_tokens: bool = False
    encryption: Encryption | None = None
    copy_group: tuple[Hashable, ...] | None = None
    conditional_writes: bool = True
    conditional_copies: bool = True
    compares_payload_hash: bool = True
    tag_urls: bool = False
    cloudfront: Delivery | None = None

    def signing_for(self, action: SignedAction, surface: Surface) -> UrlSigner:
        """Return who signs the URLs of an action. Nothing else chooses.

        Raises InvalidRequest if a caller asks for what CloudFront would drop in silence.
        """
        found = self.cloudfront
        if found is not None and isinstance(action, GetObject) and found.delivers(action, surface):
            return found
        return _BY_SESSION

    def refuse_create_only(self, *, pointer: str = "#/overwrite") -> None:
        """Raises CreateOnlyUnsupported if the store has no conditional writes."""
        if not self.conditional_writes:
            detail = "The store of this bucket has no conditional writes. Ask to overwrite."
            raise CreateOnlyUnsupported(detail, pointer=pointer)

    def refuse_create_only_copies(self) -> None:
        """Raises CreateOnlyUnsupported if the store ignores the conditions of copies."""
        self.refuse_create_only()
        if not self.conditional_copies:
            detail = "The store of this bucket may ignore a copy's condition. Ask to overwrite."
            raise CreateOnlyUnsupported(detail, pointer="#/overwrite")

    @property
    def origins(self) -> tuple[str, ...]:
        """Return where its URLs lead: to the store, and to CloudFront if that delivers it."""
        delivered = () if self.cloudfront is None else (self.cloudfront.origin,)
        return (self.address.origin, *delivered)

    def downloads_from(self, surface: Surface) -> str:
        """The address below which the download URLs of a surface lead."""
        if self.cloudfront is not None and surface in self.cloudfront.surfaces:
            return self.cloudfront.origin
        return self.address.bucket_url

    @property
    def is_access_point(self) -> bool:
        return self.s3_bucket.startswith("arn:")

    @property
    def encryption_headers(self) -> dict[str, str]:
        """The headers that every upload must have."""
        return {} if self.encryption is None else self.encryption.headers()

    def check_encryption(self, sent: Mapping[str, str]) -> None:
        """Raises InvalidRequest unless a client's own headers encrypt as this bucket does."""
        needed = self.encryption_headers
        if sent == needed:
            return
        if not needed:
            raise InvalidRequest("This bucket is not configured for encryption headers.")
        headers = ", ".join(f"`{name}: {value}`" for name, value in needed.items())
        raise InvalidRequest(f"An upload to this bucket needs {headers}.")

    @property
    def probe_policy(self) -> str | None:
        """A policy that denies everything: the bucket's own session shows that its role works."""
        if self.has_tokens:
            return no_rights()
        return None if self.arns is None else deny_all(self.arns)

    @property
    def is_scoped(self) -> bool:
        """Whether each caller has its own sessions."""
        return self.arns is not None or self.has_tokens
