"""The repositories of the Hub, for a caller: revisions from listings, and files from signed URLs.

Rules of this file:
- A download is counted and in the audit trail as such, and anything else as `folders.py` says.
- A download needs `list` on its revision's folder, too: what a client sees of a file is in there.
- A repository that a caller may not list is unknown to that caller, like one that does not exist.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from service.access.grants import Operation
from service.api.parts import UseCase
from service.concurrency.bounded_dict import BoundedDict
from service.concurrency.event_loop import gather_bounded
from service.errors import InvalidRequest
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
_AGAIN_SECONDS: Final = 1.0  # of age, after which a listing is not what says that a sha is over
_LIFETIME: Final = Lifetime(expires_in=3600)  # a client repeats its GETs at one URL
_GET: Final = GetObject()
_OVER: Final = (
    "The content of this revision has changed since this sha was its name, or the sha is unknown. "
    "Start the download again."
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


@dataclass
class Repositories(UseCase[HuggingFaceValues]):
    """Methods raise RepositoryNotFound, RevisionNotFound, and what `Listings.page` raises."""

    authorizer: Authorizer
    presigner: Presigner
    folders: Folders
    # What shas have been names of: by repository_folder and the digits of a name.
    _known: BoundedDict[tuple[StoreFolder, str], str] = field(
        default_factory=lambda: BoundedDict(_MAX_NAMES)
    )

    async def revision(
        self, requester: Requester, repository: Repository, revision: str
    ) -> Revision:
        """Return a revision by its name or sha. Counts as one URL, or as the pages that it lists.

        Raises InvalidRequest for one of too many files.
        """
        return await self._revision(requester, self._folder_of(repository), revision, counted=True)

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
        repository_folder = self._folder_of(repository)
        found = await self._revision(requester, repository_folder, revision, counted=False)
        folder = repository_folder.below(found.name)
        if (file := found.files.get(path)) is None:
            missing = EntryNotFound("The revision has no such file.", found.sha)
            await self.folders.refuse(requester, folder, missing)
        if self._host_of(folder.bucket) == own_host:
            await self.folders.refuse(requester, folder, SameHost())
        request = PresignRequest(
            operation=Operation.DOWNLOAD,
            bucket=folder.bucket,
            key=f"{folder.prefix}{path}",
            action=_GET,
            lifetime=_LIFETIME,
        )
        signed = await self.presigner.presign(requester, request)
        return FileUrl(found.sha, file, signed.url)

    async def refs(self, requester: Requester, repository: Repository) -> list[Ref]:
        """Return the revisions that the caller may list. Raises InvalidRequest for too many."""
        repository_folder = self._folder_of(repository)
        names = await self._granted_names(requester, repository_folder)
        if len(names) > MAX_REFS:
            raise InvalidRequest(f"The repository has more than {MAX_REFS} revisions.")

        async def read(name: str) -> Ref | None:
            found = await self._read(requester, repository_folder, name, counted=True)
            return Ref(name, found.sha) if found.files else None

        found = await gather_bounded(read, names, limit=_REFS_AT_ONCE)
        if not (refs := [each for each in found if each is not None]):
            raise RepositoryNotFound
        return refs

    async def _read(
        self,
        requester: Requester,
        repository_folder: StoreFolder,
        name: str,
        *,
        counted: bool,
        max_age: float = KEPT_SECONDS,
    ) -> Revision:
        found = await self.folders.revision(
            requester, repository_folder, name, counted=counted, max_age=max_age
        )
        if found.files:
            self._known[repository_folder, found.sha[:NAME_DIGITS]] = name
        return found

    def _folder_of(self, repository: Repository) -> StoreFolder:
        root = self.configured.roots.find(repository.kind)
        return StoreFolder(root.bucket, f"{root.prefix}{repository.id}/")

    async def _revision(
        self, requester: Requester, repository_folder: StoreFolder, revision: str, *, counted: bool
    ) -> Revision:
        if is_sha(revision):
            return await self._by_sha(requester, repository_folder, revision, counted=counted)
        if not is_revision_name(revision):
            await self.folders.refuse(requester, repository_folder, RevisionNotFound(_NO_NAME))
        found = await self._read(requester, repository_folder, revision, counted=counted)
        if not found.files:
            may_list = self.folders.may_list(requester, repository_folder)
            is_unknown = may_list and not await self.folders.names(requester, repository_folder)
            error = RepositoryNotFound() if is_unknown else RevisionNotFound(_NO_REVISION)
            await self.folders.refuse(
                requester, repository_folder.below(revision), error, counted=counted
            )
        return found

    async def _by_sha(
        self, requester: Requester, repository_folder: StoreFolder, sha: str, *, counted: bool
    ) -> Revision:
        name = await self._name_of(requester, repository_folder, sha)
        found = await self._read(requester, repository_folder, name, counted=counted)
        if found.sha != sha:  # another replica may have a newer listing
            found = await self._read(
                requester, repository_folder, name, counted=False, max_age=_AGAIN_SECONDS
            )
        if found.sha != sha:
            over = RevisionNotFound(_OVER)
            await self.folders.refuse(
                requester, repository_folder.below(name), over, counted=counted
            )
        return found

    async def _name_of(self, requester: Requester, repository_folder: StoreFolder, sha: str) -> str:
        """Return the name whose digits the sha has. Raises RevisionNotFound if there is none."""
        digits = sha[:NAME_DIGITS]
        if (known := self._known.get((repository_folder, digits))) is not None:
            return known
        granted = self._names_in_grants(requester, repository_folder)
        name = next((each for each in granted if name_digits(each) == digits), None)
        if name is None:
            names = await self.folders.names(requester, repository_folder)
            name = next((each for each in names if name_digits(each) == digits), None)
        if name is None:
            await self.folders.refuse(requester, repository_folder, RevisionNotFound(_OVER))
        return name

    async def _granted_names(
        self, requester: Requester, repository_folder: StoreFolder
    ) -> Sequence[str]:
        if not self.folders.may_list(requester, repository_folder) and (
            granted := [*dict.fromkeys(self._names_in_grants(requester, repository_folder))]
        ):
            return granted
        return await self.folders.names(requester, repository_folder)

    def _names_in_grants(
        self, requester: Requester, repository_folder: StoreFolder
    ) -> Iterator[str]:
        """Yield the names of the revisions that are granted one by one."""
        for grant in self.authorizer.access(requester).grants:
            is_below = grant.prefix.startswith(repository_folder.prefix) and grant.covers_subtree
            if (
                is_below
                and grant.bucket == repository_folder.bucket
                and Operation.LIST in grant.allow
            ):
                name = grant.prefix[len(repository_folder.prefix) : -1]
                if is_revision_name(name) and not is_sha(name):
                    yield name

    def _host_of(self, bucket: str) -> str | None:
        found = self.authorizer.snapshot.buckets.get(bucket)
        return None if found is None else urlsplit(found.downloads_from("protocols")).hostname
