"""Uploads of folders with links, and what else is left out."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from presign_client import FolderUpload
from tests.client.fake import Fake
from tests.client.running import run

OUTSIDE = "a link out of the directory"
DIRECTORY = "a link to a directory"
LOOP = "a link to a directory that it is in"
NOWHERE = "a link to no file"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A directory with one file, next to another with a secret."""
    for name in ("site/css/a.css", "home/.ssh/key"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(name)
    return tmp_path / "site"


def upload(fake: Fake, site: Path, *, follow: bool = False) -> FolderUpload:
    with fake.client() as client:
        return client.upload_folder(site, "reports", "", follow=follow)


def left_out(done: FolderUpload, site: Path) -> dict[str, str]:
    return {str(each.path.relative_to(site)): each.reason for each in done.left_out}


@pytest.mark.parametrize(
    ("link", "target", "reason"),
    [
        ("logo.svg", "../home/.ssh/key", OUTSIDE),
        ("css/logo.svg", "../../home/.ssh/key", OUTSIDE),
        ("logo.svg", "/etc/passwd", OUTSIDE),
        ("logo.svg", "../site-2/logo.svg", OUTSIDE),  # there is none, and the name begins alike
        ("home", "../home", OUTSIDE),
        ("all", "..", OUTSIDE),
        ("styles", "css", DIRECTORY),
        ("again", ".", DIRECTORY),
        ("css/up", "..", DIRECTORY),
        ("none", "missing", NOWHERE),
        ("itself", "itself", NOWHERE),
    ],
)
def test_a_link_that_leads_elsewhere_is_left_out(
    fake: Fake, site: Path, link: str, target: str, reason: str
) -> None:
    (site / link).symlink_to(target)

    done = upload(fake, site)

    assert fake.objects == {"css/a.css": b"site/css/a.css"}
    assert left_out(done, site) == {link: reason}


def test_a_link_by_another_link_leads_out_too(fake: Fake, site: Path) -> None:
    (site / "b").symlink_to("../home")
    (site / "a").symlink_to("b/.ssh/key")

    assert left_out(upload(fake, site), site) == {"a": OUTSIDE, "b": OUTSIDE}


def test_a_link_to_a_file_inside_is_followed(
    fake: Fake, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (site / "b.css").symlink_to("css/a.css")
    (site / "c.css").symlink_to(site / "b.css")
    elsewhere = site.with_name("by-a-link")
    elsewhere.symlink_to(site)

    monkeypatch.chdir(site)
    for directory in (site, elsewhere, Path()):
        fake.objects.clear()
        assert not upload(fake, directory).left_out
        assert {*fake.objects} == {"b.css", "c.css", "css/a.css"}
        assert len({*fake.objects.values()}) == 1


def test_all_links_are_followed_on_request(fake: Fake, site: Path) -> None:
    (site / "logo.svg").symlink_to("../home/.ssh/key")
    (site / "home").symlink_to("../home")
    (site / "styles").symlink_to("css")
    (site / "none").symlink_to("missing")

    done = upload(fake, site, follow=True)

    assert {*fake.objects} == {"css/a.css", "styles/a.css", "logo.svg", "home/.ssh/key"}
    assert left_out(done, site) == {"none": NOWHERE}


@pytest.mark.parametrize(
    ("links", "loops"),
    [
        ({"css/up": ".."}, {"css/up"}),
        ({"again": "."}, {"again"}),
        ({"all": ".."}, {"all"}),
        ({"x/l": "../y", "y/m": "../x"}, {"x/l/m", "y/m/l"}),
    ],
)
def test_a_loop_of_links_ends(
    fake: Fake, site: Path, links: dict[str, str], loops: set[str]
) -> None:
    for link, target in links.items():
        (site / link).parent.mkdir(exist_ok=True)
        (site / link).symlink_to(target)

    done = upload(fake, site, follow=True)

    assert left_out(done, site) == dict.fromkeys(loops, LOOP)
    assert {*fake.objects} == {"css/a.css"}


def test_links_that_multiply_end_with_an_error(fake: Fake, site: Path) -> None:
    (site / "links").mkdir()
    for number in range(101):
        (site / f"{number}").symlink_to("links")
        (site / f"links/{number}").symlink_to("../css")

    with pytest.raises(OSError, match="More than 10,000 links to directories"):
        upload(fake, site, follow=True)
    assert fake.objects == {}


def test_what_is_linked_twice_goes_up_twice(fake: Fake, site: Path) -> None:
    for name in ("a", "b"):
        (site / name).symlink_to("../home/.ssh")

    upload(fake, site, follow=True)

    assert {*fake.objects} == {"css/a.css", "a/key", "b/key"}


@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        (".presign-0123abcd", Path.touch, "an unfinished download"),
        ("pipe", os.mkfifo, "no regular file"),
    ],
)
def test_what_is_no_file_of_the_user_is_left_out(
    fake: Fake, site: Path, name: str, make: Callable[[Path], None], reason: str
) -> None:
    make(site / name)

    done = upload(fake, site)

    assert {*fake.objects} == {"css/a.css"}
    assert left_out(done, site) == {name: reason}


def link_of_the_file(site: Path) -> None:
    (site / "css/a.css").unlink()
    (site / "css/a.css").symlink_to(site / "../home/.ssh/a.css")


def link_of_its_directory(site: Path) -> None:
    (site / "css").rename(site / "before")
    (site / "css").symlink_to("../home/.ssh")


def pipe(site: Path) -> None:
    (site / "css/a.css").unlink()
    os.mkfifo(site / "css/a.css")


@pytest.mark.parametrize("replace", [link_of_the_file, link_of_its_directory, pipe])
def test_what_becomes_a_link_or_a_pipe_meanwhile_fails(
    fake: Fake, site: Path, replace: Callable[[Path], None]
) -> None:
    (site / "a").write_bytes(bytes(2**19))  # first, and too large to be signed with the other one
    (site / "../home/.ssh/a.css").write_text("a secret")

    def before(request: httpx.Request) -> None:
        if request.url.path == "/reports/a":
            replace(site)

    fake.before = before
    with fake.client() as client:
        done = client.upload_folder(site, "reports", "", parallel=1)

    assert {*fake.objects} == {"a"}
    [failed] = done.failed
    assert "source_changed" in str(failed.error)


def test_the_command_says_what_it_left_out(fake: Fake, site: Path) -> None:
    for name in ("logo.svg", "key"):
        (site / name).symlink_to("../home/.ssh/key")

    done = run(fake, "put", "-r", site, "reports/")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "uploaded reports/css/a.css",
        f"left out {site}/key: {OUTSIDE}",
        f"left out {site}/logo.svg: {OUTSIDE}",
    ]
    assert done.stderr == "2 left out. --follow follows all links.\n"

    quiet = run(fake, "put", "-r", "-q", site, "reports/")
    assert (quiet.stdout, quiet.stderr) == ("", done.stderr)

    document = json.loads(run(fake, "put", "-r", "--json", site, "reports/").stdout)
    assert document["left_out"][0] == {"path": f"{site}/key", "reason": OUTSIDE}


def test_the_command_follows_links_on_request(fake: Fake, site: Path) -> None:
    (site / "logo.svg").symlink_to("../home/.ssh/key")
    (site / "none").symlink_to("missing")

    done = run(fake, "put", "-r", "--follow", site, "reports/")

    assert done.stdout.count("uploaded ") == 2
    assert (done.exit_code, done.stderr) == (0, "1 left out.\n")
    assert run(fake, "put", "--follow", site / "logo.svg", "reports/a").exit_code == 2
