"""Links that somebody was sent, opened in Debian's Firefox."""

from pathlib import Path

from tests.browser.console.firefox.stories import tell
from tests.browser.links.harness import LinksHarness


def test_a_visitor_gives_and_gets_files_in_firefox(links: LinksHarness, tmp_path: Path) -> None:
    (tmp_path / "contract.txt").write_text("signed")
    links.store.put("q3.txt", b"report")
    words = {"label": "Ann & Co", "message": "The contract, please"}
    downloads = tell(
        "links_story",
        tmp_path,
        {links.origin, links.gate.url},
        scheme="dark",
        box=links.create(prefix="visited/", operations=["upload"], **words),
        landing=links.create(key="q3.txt", filename="Q3 report.txt", message="As promised"),
        file=str(tmp_path / "contract.txt"),
    )
    received = {name: body for name, (body, _) in links.received("visited/").items()}
    assert received == {
        "contract.txt": b"signed",
        "contract (2).txt": b"signed",
        "dropped.txt": b"dropped",
    }
    assert (downloads / "Q3 report.txt").read_bytes() == b"report"
