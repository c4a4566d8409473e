"""The calls that move no bytes of an object: they sign, ask or delete."""

import os
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from presign_client.api import SIGNING_SECONDS, Api, nothing
from presign_client.retries import Retries
from presign_client.settings import Token, service_url, token_source
from presign_client.store import Store

if TYPE_CHECKING:
    import httpx
    from urllib3 import PoolManager

    from presign_client.caller import Caller
    from presign_client.links import Link, ListedLink
    from presign_client.listing import Page
    from presign_client.objects import ObjectInfo, Version
    from presign_client.results import Credentials, Entry, SignedCookies
    from presign_client.signed import SignedRequest

Self = TypeVar("Self", bound="Calls")


class Calls:
    """The part of `Presign` that needs no files.

    A method imports its result: Python takes 3 million instructions to define each of them, and
    350 million for the start of `presign url` as a whole.
    """

    def __init__(
        self,
        url: str | None = None,
        token: Token | None = None,
        *,
        token_file: str | os.PathLike[str] | None = None,
        retries: Retries | None = None,
        http: "httpx.Client | None" = None,
        pool: "PoolManager | None" = None,
    ) -> None:
        retries = retries or Retries()
        self._url, current_token = service_url(url), token_source(token, token_file)
        self._api = Api(self._url, current_token, http, retries)
        self._store = Store(retries, pool, needs_pool=http is not None)

    def close(self) -> None:
        """Close all connections."""
        self._api.close()
        self._store.close()

    def __enter__(self: Self) -> Self:  # noqa: PYI019 - typing has no Self before 3.11
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> Any:
        """Return the JSON that a call of the API answers; None: it has no body.

        `path` is such as `/v1/upload-forms`, `params` its query. `repeatable` is False for a call
        that creates something each time. Signed URLs are not hidden in what is returned.
        """
        if not all("!" <= each <= "~" and each not in "?#" for each in path):
            raise ValueError("The path of a call must be percent-encoded. Its query is `params`.")
        path = path.removeprefix("/").removeprefix("v1/")
        options = {"json": body, "params": params, "repeatable": repeatable}
        return self._api.call(method, path, lambda answer: answer, **options)

    def whoami(self) -> "Caller":
        """Return who you are to the service, and your grants."""
        from presign_client.caller import caller

        return self._api.call("GET", "caller", caller)

    def download_url(
        self,
        bucket: str,
        key: str,
        *,
        expires_in: int | None = None,
        version_id: str | None = None,
        filename: str | None = None,
        content_type: str | None = None,
    ) -> "SignedRequest":
        """Return a signed GET of an object."""
        more = {"filename": filename, "content_type": content_type}
        return self._api.signed(
            "download-urls",
            bucket=bucket,
            key=key,
            expires_in=expires_in,
            version_id=version_id,
            **more,
        )

    def upload_url(
        self,
        bucket: str,
        key: str,
        content_length: int,
        *,
        expires_in: int | None = None,
        content_type: str | None = None,
        checksum: tuple[str, str] | None = None,
        overwrite: bool = False,
    ) -> "SignedRequest":
        """Return a signed PUT of exactly `content_length` bytes.

        `checksum` is an algorithm and a value in base64: the store takes no other content.
        """
        return self._api.signed(
            "upload-urls",
            bucket=bucket,
            key=key,
            expires_in=expires_in,
            content_length=content_length,
            content_type=content_type,
            checksum=checksum and {"algorithm": checksum[0], "value": checksum[1]},
            overwrite=overwrite or None,
        )

    def head_url(
        self,
        bucket: str,
        key: str,
        *,
        expires_in: int | None = None,
        version_id: str | None = None,
    ) -> "SignedRequest":
        """Return a signed HEAD of an object."""
        return self._api.signed(
            "head-urls", bucket=bucket, key=key, expires_in=expires_in, version_id=version_id
        )

    def delete_url(
        self,
        bucket: str,
        key: str,
        *,
        expires_in: int | None = None,
        version_id: str | None = None,
    ) -> "SignedRequest":
        """Return a signed DELETE of an object."""
        return self._api.signed(
            "delete-urls", bucket=bucket, key=key, expires_in=expires_in, version_id=version_id
        )

    def cookies(
        self, bucket: str, prefix: str, *, expires_in: int | None = None
    ) -> "SignedCookies":
        """Return cookies of CloudFront for all objects under a prefix, which ends in `/`.

        They cannot be revoked before `expires_at`.
        """
        from presign_client.results import signed_cookies

        return self._api.post(
            "cookies", signed_cookies, bucket=bucket, prefix=prefix, expires_in=expires_in
        )

    def head(self, bucket: str, key: str) -> "ObjectInfo":
        """Return an object's size, type and metadata. Raises `not_found` if there is none."""
        from presign_client.objects import object_info

        answer = self._store.send(lambda: self.head_url(bucket, key))
        return object_info(bucket, key, answer.headers)

    def delete(self, bucket: str, key: str, *, version_id: str | None = None) -> None:
        """Delete an object. It is no error if there is none.

        In a bucket with versions this only hides it, unless `version_id` says what to remove for
        good.
        """
        self._store.send(lambda: self.delete_url(bucket, key, version_id=version_id))

    def versions(self, bucket: str, key: str) -> "Iterator[Version]":
        """Yield the versions of one object and its delete markers, the newest first."""
        from presign_client.objects import versions_page

        params = {"bucket": bucket, "prefix": key, "delimiter": "/"}
        for page in self._api.pages("object-versions", versions_page, params):
            for its_key, version in page:
                if its_key != key:
                    return  # the keys are in order, and this one only begins with it
                yield version

    def list(self, bucket: str, prefix: str = "", *, recursive: bool = False) -> "Iterator[Entry]":
        """Yield the objects whose keys begin with `prefix`, page by page.

        Unless `recursive`, keys that go on after the next `/` are one entry, which is a prefix.
        """
        for page in self.pages(bucket, prefix, recursive=recursive):
            yield from page.entries

    def pages(self, bucket: str, prefix: str = "", *, recursive: bool = False) -> "Iterator[Page]":
        """Return the pages of a listing. `list` is simpler."""
        from presign_client.listing import read_page

        # By the service: without `encoding-type=url` the store's XML cannot have some keys.
        params = {"bucket": bucket, "prefix": prefix} | ({} if recursive else {"delimiter": "/"})
        return self._api.pages("objects", read_page, params)

    def link(
        self,
        bucket: str,
        key: str | None = None,
        *,
        prefix: str | None = None,
        upload: bool = False,
        expires_in: int | None = None,
        max_uses: int | None = None,
        filename: str | None = None,
        label: str | None = None,
        message: str | None = None,
    ) -> "Link":
        """Return a share link to an object, to all below a prefix, or, to upload, to a prefix.

        `label` says who shares or asks, and `message` what for: the link's page shows both.
        """
        from presign_client.links import link

        return self._api.post(
            "links",
            link,
            repeatable=False,
            bucket=bucket,
            key=key,
            prefix=prefix,
            operations=["upload"] if upload else None,
            expires_in=expires_in,
            max_uses=max_uses,
            filename=filename,
            label=label,
            message=message,
        )

    def links(self) -> "Iterator[ListedLink]":
        """Yield the share links that you have made and that have not expired, the newest first."""
        from presign_client.links import links_page

        for page in self._api.pages("links", links_page, {}):
            yield from page

    def revoke_link(self, link_id: str) -> None:
        """End a share link that you have made. Raises `not_found` for an id that is none."""
        self._api.call("DELETE", f"links/{quote(link_id, safe='')}", nothing)

    def credentials(
        self, bucket: str, *, prefix: str | None = None, permission: str | None = None
    ) -> "Credentials":
        """Return temporary credentials for what your grants with `credentials` allow in a bucket.

        `prefix` narrows them, and so does `permission`: `READ`, `WRITE` or `READWRITE`.
        """
        from presign_client.results import credentials

        members = {"prefix": prefix, "permission": permission}
        params = {name: value for name, value in members.items() if value is not None}
        path = f"credentials/{quote(bucket, safe='')}"
        return self._api.call("GET", path, credentials, params=params, seconds=SIGNING_SECONDS)
