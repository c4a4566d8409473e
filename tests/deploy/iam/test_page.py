"""deploy/iam/README.md explains each statement of each file, and nothing that does not exist."""

import re
from collections.abc import Iterator
from typing import Final

import pytest

from service.app.builders import caller_entries
from service.app.settings import Settings
from service.cli.check import buckets
from tests.deploy.iam.files import HERE, read

PAGE: Final = (HERE / "README.md").read_text(encoding="utf-8")
FILES: Final = sorted(path.name for path in HERE.glob("*.json"))


def parts(name: str) -> Iterator[str]:
    """What needs a line: each statement, each rule, and each setting of CORS."""
    document = read(name)
    for statement in document.get("Statement", []):
        yield statement["Sid"]
    for rule in document.get("Rules", []):
        yield rule["ID"]
    for rule in document.get("CORSRules", []):
        yield from (setting for setting in rule if setting != "ID")


def lines(name: str) -> dict[str, str]:
    """The rows of a file's table: part and reason."""
    table = PAGE.partition(f"| in [{name}]({name}) | why |\n")[2].partition("\n\n")[0]
    rows = [re.fullmatch(r"\| `(.*?)` \| (.*) \|", line) for line in table.splitlines()[1:]]
    return {row[1]: row[2] for row in rows if row is not None}


@pytest.mark.parametrize("name", FILES)
def test_the_table_of_a_file_has_exactly_its_parts(name: str) -> None:
    assert list(lines(name)) == list(parts(name))
    assert all(len(why) > 10 for why in lines(name).values())


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_listed_and_used_in_a_command(name: str) -> None:
    assert f"| [{name}]({name}) | " in PAGE
    puts = f"file://deploy/iam/{name}" in PAGE
    assert puts or name == "trust-web-identity.json"  # used like the other trust policy


@pytest.mark.parametrize("name", FILES)
def test_statement_ids_are_valid_and_unique(name: str) -> None:
    """docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html"""
    named = list(parts(name))
    assert len(set(named)) == len(named)
    if "Statement" in read(name):
        assert all(re.fullmatch("[A-Za-z0-9]+", sid) for sid in named)


def test_all_files_use_the_same_bucket_account_and_roles() -> None:
    """So that a search for these names finds everything to replace."""
    documented = "\n".join((HERE / name).read_text(encoding="utf-8") for name in FILES)
    assert set(re.findall(r"arn:aws:s3:::([\w-]+)", documented)) == {"acme-reports-prod"}
    assert set(re.findall(r"\d{12}", documented.replace("1234567890ab", ""))) == {"111122223333"}
    assert set(re.findall(r":role/([\w-]+)", documented)) == {"presign-reports", "presign-service"}
    for name in ("acme-reports-prod", "111122223333", "presign-reports", "presign-service"):
        assert f"`{name}`" in PAGE


def test_the_page_shows_what_check_prints() -> None:
    grants = [{"bucket": "reports", "prefix": "a/", "allow": ["download"], "max_expires_in": 900}]
    role = {"region": "eu-west-1", "role_arn": "arn:aws:iam::111122223333:role/presign-reports"}
    settings = Settings.model_validate(
        {"buckets": {"reports": role}, "unsafe_anonymous_caller": {"grants": grants}}
    )
    [line] = buckets.signature_ages(settings, caller_entries(settings))
    assert f"```text\n{line}\n```" in PAGE
