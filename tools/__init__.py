"""Commands for those who work on presign, which `make` calls. None of them ships.

They write pages from the code, make and check the site, take pictures, and look for vulnerabilities. CONTRIBUTING.md has the targets; release/ makes a release.
"""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
