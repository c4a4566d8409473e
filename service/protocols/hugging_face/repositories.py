"""The repositories of the Hub, for a caller: revisions from listings, and files from signed URLs.

Rules of this file:
- A download is counted and in the audit trail as such, and anything else as `folders.py` says.
- A download needs `list` on its revision's folder, too: what a client sees of a file is in there.
- A repository that a caller may not list is unknown to that caller, like one that does not exist.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, NoReturn
from urllib.parse import urlsplit

from service.access.grants import Operation
from service.api.parts import UseCase
from service.concurrency.bounded_dict import BoundedDict
from service.concurrency.event_loop import gather_bounded
from service.errors import InvalidRequest, PresignError
from service.presigning.authorizer import Authorizer
from service.presigning.presigner import Presigner
from service.presigning.requests import PresignRequest, Requester
from service.protocols.hugging_face.addresses import Repository, is_revision_name
from service.protocols.hugging_face.cached_listings import KEPT_SECONDS
from service.protocols.hugging_face.errors import (
    EntryNotFound,
    RepositoryNotFound,
    RevisionNotFound,
    SameHost,
)
from service.protocols.hugging_face.folders import Folders, StoreFolder
from service.protocols.hugging_face.revisions import (
    NAME_DIGITS,
    RepoFile,
    Revision,
    is_sha,
    name_digits,
)
from service.protocols.hugging_face.settings import HuggingFaceValues
from service.sessions.lifetime import Lifetime
from service.signing.actions import GetObject

MAX_REFS: Final = 100  # each takes a listing
_REFS_AT_ONCE: Final = 4
_MAX_NAMES: Final = 10_000
_AGAIN_SECONDS: Final = 1.0  # a listing older than this is read again before a sha is refused
_LIFETIME: Final = Lifetime(expires_in=3600)  # a client repeats its GETs at one URL
_GET: Final = GetObject()
_OVER: Final = (
    "The content of this revision has changed since this sha was its name, or the sha is unknown. "
    "Start the download again."
)
_SAME_HOST: Final = (
    "The store has the same host name as this service, so clients would send it the token, and "
    "each download would fail. Use another name for one of them."
)
_NO_NAME: Final = "A revision is the name of one folder, or a sha."
_NO_REVISION: Final = "The repository has no such revision, or it has no files."


class Ref(NamedTuple):
    name: str
    sha: str


@dataclass(frozen=True, slots=True)
class FileUrl:
    """A file of a revision, and the URL that downloads it."""

    sha: str
    file: RepoFile
    url: str = field(repr=False)


# The names of revisions, by the repository's folder and the digits in their shas.
KnownNames = BoundedDict[tuple[StoreFolder, str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Revisions:
    """The revisions of one repository, for one request.

    `is_counted` says that the request does nothing else. It then counts as one URL, or as the pages
    that it lists. `known` is shared by all requests.
    """

    folders: Folders
    known: KnownNames
    requester: Requester
    folder: StoreFolder
    is_counted: bool = True

    async def find(self, revision: str) -> Revision:
        """Return a revision by its name or sha."""
        if is_sha(revision):
            return await self._by_sha(revision)
        if not is_revision_name(revision):
            await self.folders.refuse(self.requester, self.folder, RevisionNotFound(_NO_NAME))
        return await self._by_name(revision)

    async def refs(self) -> list[Ref]:
        """Return the revisions that the caller may list."""
        names = await self._names()
        if len(names) > MAX_REFS:
            raise InvalidRequest(f"The repository has more than {MAX_REFS} revisions.")

        async def read(name: str) -> Ref | None:
            found = await self._read(name)
            return Ref(name, found.sha) if found.files else None

        found = await gather_bounded(read, names, limit=_REFS_AT_ONCE)
        if not (refs := [ref for ref in found if ref is not None]):
            raise RepositoryNotFound
        return refs

    async def _by_name(self, name: str) -> Revision:
        found = await self._read(name)
        if not found.files:
            may_list = self.folders.may_list(self.requester, self.folder)
            is_unknown = may_list and not await self.folders.names(self.requester, self.folder)
            error = RepositoryNotFound() if is_unknown else RevisionNotFound(_NO_REVISION)
            await self._refuse(name, error)
        return found

    async def _by_sha(self, sha: str) -> Revision:
        name = await self._name_of(sha)
        found = await self._read(name)
        if found.sha != sha:  # another replica may have a newer listing
            found = await self._read(name, again=True)
        if found.sha != sha:
            await self._refuse(name, RevisionNotFound(_OVER))
        return found

    async def _read(self, name: str, *, again: bool = False) -> Revision:
        found = await self.folders.revision(
            self.requester,
            self.folder,
            name,
            counted=self.is_counted and not again,
            max_age=_AGAIN_SECONDS if again else KEPT_SECONDS,
        )
        if found.files:
            self.known[self.folder, found.sha[:NAME_DIGITS]] = name
        return found

    async def _name_of(self, sha: str) -> str:
        """Return the name whose digits the sha has. Raises RevisionNotFound if there is none."""
        digits = sha[:NAME_DIGITS]
        if (known := self.known.get((self.folder, digits))) is not None:
            return known
        if (name := _with_digits(self._names_in_grants(), digits)) is not None:
            return name
        listed = await self.folders.names(self.requester, self.folder)
        if (name := _with_digits(listed, digits)) is None:
            await self.folders.refuse(self.requester, self.folder, RevisionNotFound(_OVER))
        return name

    async def _names(self) -> Sequence[str]:
        """Return the names that the caller may list."""
        if not self.folders.may_list(self.requester, self.folder) and (
            granted := [*dict.fromkeys(self._names_in_grants())]
        ):
            return granted
        return await self.folders.names(self.requester, self.folder)

    def _names_in_grants(self) -> Iterator[str]:
        """Yield the names of the revisions that are granted one by one."""
        bucket, prefix = self.folder
        for grant in self.folders.authorizer.access(self.requester).grants:
            is_below = grant.prefix.startswith(prefix) and grant.covers_subtree
            if is_below and grant.bucket == bucket and Operation.LIST in grant.allow:
                name = grant.prefix[len(prefix) : -1]
                if is_revision_name(name) and not is_sha(name):
                    yield name

    async def _refuse(self, name: str, error: PresignError) -> NoReturn:
        """Raise the error about a revision that has been read, and so been counted."""
        folder = self.folder.below(name)
        await self.folders.refuse(self.requester, folder, error, counted=self.is_counted)


@dataclass
class Repositories(UseCase[HuggingFaceValues]):
    """Methods raise RepositoryNotFound, RevisionNotFound, and what `Listings.page` raises."""

    authorizer: Authorizer
    presigner: Presigner
    folders: Folders
    _known: KnownNames = field(default_factory=lambda: BoundedDict(_MAX_NAMES))

    async def revision(
        self, requester: Requester, repository: Repository, revision: str
    ) -> Revision:
        """Return a revision by its name or sha. Counts as one URL, or as the pages that it lists.

        Raises InvalidRequest for one of too many files.
        """
        return await self._revisions(requester, repository).find(revision)

    async def refs(self, requester: Requester, repository: Repository) -> list[Ref]:
        """Return the revisions that the caller may list. Raises InvalidRequest for too many."""
        return await self._revisions(requester, repository).refs()

    async def file(
        self,
        requester: Requester,
        repository: Repository,
        revision: str,
        path: str,
        *,
        own_host: str | None,
    ) -> FileUrl:
        """Sign the download of a file.

        Raises SameHost if the URL's host would be `own_host`, EntryNotFound, and what
        `Presigner.presign` raises.
        """
        revisions = self._revisions(requester, repository, is_counted=False)
        found = await revisions.find(revision)
        folder = revisions.folder.below(found.name)
        if (file := found.files.get(path)) is None:
            missing = EntryNotFound("The revision has no such file.", found.sha)
            await self.folders.refuse(requester, folder, missing)
        if self._host_of(folder.bucket) == own_host:
            await self.folders.refuse(requester, folder, SameHost(_SAME_HOST))
        request = PresignRequest(
            operation=Operation.DOWNLOAD,
            bucket=folder.bucket,
            key=f"{folder.prefix}{path}",
            action=_GET,
            lifetime=_LIFETIME,
        )
        signed = await self.presigner.presign(requester, request)
        return FileUrl(found.sha, file, signed.url)

    def _revisions(
        self, requester: Requester, repository: Repository, *, is_counted: bool = True
    ) -> Revisions:
        root = self.configured.roots.find(repository.kind)
        return Revisions(
            folders=self.folders,
            known=self._known,
            requester=requester,
            folder=StoreFolder(root.bucket, f"{root.prefix}{repository.id}/"),
            is_counted=is_counted,
        )

    def _host_of(self, bucket: str) -> str | None:
        found = self.authorizer.snapshot.buckets.get(bucket)
        return None if found is None else urlsplit(found.downloads_from("protocols")).hostname


def _with_digits(names: Iterable[str], digits: str) -> str | None:
    return next((name for name in names if name_digits(name) == digits), None)
