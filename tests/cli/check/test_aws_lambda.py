"""What `presign check` says about running as a Lambda."""

from pathlib import Path

from tests.cli.invoking import GOOD, checked

CALLER = "  - api_key: billing"


def test_check_says_that_each_instance_counts_by_itself(tmp_path: Path) -> None:
    limited = GOOD.replace(CALLER, f"{CALLER}\n    rate_limit: 10/minute")
    assert limited != GOOD
    assert "so does each instance of a Lambda" in checked(tmp_path, limited).stdout
    assert "instance of a Lambda" not in checked(tmp_path, GOOD).stdout
