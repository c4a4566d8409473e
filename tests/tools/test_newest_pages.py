"""Which page a failed test belongs to."""

from pathlib import Path

from tools.newest_pages import broken, pages_of_tests

REPORT = """<testsuites><testsuite>
<testcase classname="tests.clients.test_pandas" name="test_duckdb[step]"><failure/></testcase>
<testcase classname="tests.clients.test_pandas" name="test_polars"/>
<testcase classname="tests.clients.credentials.test_page" name="test_boto3"><error/></testcase>
</testsuite></testsuites>"""


def test_a_failed_test_names_its_page(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text(REPORT)
    pages = {
        "tests/clients/test_pandas.py": "docs/clients.md",
        "tests/clients/credentials/test_page.py": "docs/credentials.md",
    }

    assert broken(tmp_path / "report.xml", pages) == {
        "docs/clients.md": ["test_duckdb[step]"],
        "docs/credentials.md": ["test_boto3"],
    }


def test_the_pages_of_the_tests_exist() -> None:
    root, pages = Path(__file__).parents[2], pages_of_tests()

    named = {page for each in pages.values() for page in each.split(" and ")}
    assert {"docs/guides/data.md", "docs/credentials.md"} <= named
    assert [page for page in named if not (root / page).is_file()] == []
