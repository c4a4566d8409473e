"""The settings of a bucket that CloudFront delivers."""

from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from service.access.surfaces import SURFACES, Surface
from service.config.messages import Conflict, Missing, refusal
from service.config.quoting import Shown, quoted
from service.config.texts import check_origin, check_secure_url, matching
from service.config.types import Section, read_by
from service.signing.cloudfront import PrivateKey, read_private_key

_MOST_KEYS: Final = 5  # of a key group: …/DeveloperGuide/cloudfront-limits.html
_MOST_BYTES: Final = 16_384
_URL: Final = "write the distribution's address, such as https://d111111abcdef8.cloudfront.net"


def read_key_file(path: Path) -> PrivateKey:
    """Raises ValueError, which repeats neither the content nor the path."""
    try:
        with path.open("rb") as file:
            pem = file.read(_MOST_BYTES)
    except OSError:
        pem = b""
    return read_private_key(pem)


def _check_address(text: str) -> str:
    """The address is signed as it is here, so it is as browsers write it."""
    check_secure_url(text)
    if urlsplit(text).path:
        raise ValueError(f"{_URL}, without a path")
    try:
        return check_origin(text)
    except ValueError:
        raise ValueError(f"{_URL}, in lower case and without a default port") from None


KeyId = Annotated[
    str,
    matching(r"[A-Z0-9]{1,64}", "write CloudFront's id of the public key, such as K2JCJMDEHXQW5F"),
]
PrivateKeyFile = Annotated[Path, read_by(read_key_file)]
Address = Annotated[str, AfterValidator(_check_address)]
Distribution = Annotated[
    str,
    matching(
        r"arn:aws[a-z-]*:cloudfront::\d{12}:distribution/[A-Z0-9]+",
        "write the ARN of the distribution, such as "
        "arn:aws:cloudfront::111122223333:distribution/EDFDVBD6EXAMPLE",
    ),
]


class CloudFrontKeySettings(Section):
    """A key of the distribution's key group."""

    id: Annotated[Shown[KeyId], Missing("write CloudFront's id of the public key")]
    """CloudFront's id of the public key."""

    private_key_file: Annotated[
        PrivateKeyFile, Missing("write the path of a file with a private key in PEM")
    ]
    """File with the private key in PEM, not encrypted: ECDSA on P-256, or RSA of 2048 bits. A
    change takes effect within seconds."""


class CloudFrontSettings(Section):
    """A distribution that delivers the bucket's objects. [CloudFront](cloudfront.md) explains
    it.
    """

    url: Annotated[Shown[Address], Missing("write the https URL, as in presign.example.yaml")]
    """Distribution's address, or your own domain of it: https (http on loopback), no path."""

    distribution: Annotated[Shown[Distribution], Missing("write the ARN of the distribution")]
    """Distribution's ARN, for the bucket policy that `presign iam` prints."""

    keys: Annotated[
        tuple[CloudFrontKeySettings, ...],
        Field(min_length=1, max_length=_MOST_KEYS),
        Missing("write a list of keys, as in presign.example.yaml"),
    ]
    """The first signs. Others are for a rotation: they must be valid, and sign nothing."""

    deliver: Annotated[Shown[tuple[Surface, ...]], Field(min_length=1)] = SURFACES
    """Whose download URLs are CloudFront's: `downloads` of `/v1/download-urls`, `object_urls` of
    `/o/` and package indexes, `links` of share links, `protocols` of Git LFS, MLflow and the
    Hub."""

    response_parameters: Shown[bool] = False
    """Whether the distribution passes `response-content-disposition` and the like on to S3.
    Otherwise a request for a file name or a content type gets 422."""

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        ids = [key.id for key in self.keys]
        for i, each in enumerate(ids):
            if each in ids[:i]:
                text = f"another key has the id {quoted(each)} too; remove one of the two"
                raise refusal([Conflict(("keys", i, "id"), text)])
        return self

    @property
    def delivers_all(self) -> bool:
        """Whether no download URL is S3's."""
        return set(self.deliver) == set(SURFACES)

    @property
    def key_files(self) -> tuple[Path, ...]:
        return tuple(key.private_key_file for key in self.keys)
