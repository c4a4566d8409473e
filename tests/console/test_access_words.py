"""The console's words about a grant name each operation, and each limit that people notice."""

from pathlib import Path
from typing import Final

import service
from service.access.grants import Operation
from service.access.limits import LIMITS

WORDS: Final = Path(service.__file__).parent / "console" / "page" / "access_words.js"
# The page chooses how long its own URLs live, and how long a page of its list is.
UNNOTICED: Final = {"max_expires_in", "max_keys"}


def test_each_limit_that_people_notice_is_in_the_words_of_the_console() -> None:
    script = WORDS.read_text()
    unsaid = {limit.name for limit in LIMITS if limit.name not in script}
    assert unsaid == UNNOTICED, "say it in access_words.js, or add it to UNNOTICED with the reason"


def test_each_operation_is_in_the_words_of_the_console() -> None:
    script = WORDS.read_text()
    assert [each for each in Operation if f'"{each}"' not in script] == []
