"""Print the software bill of materials of an environment that pip has just installed, as CycloneDX
1.6 in JSON.

    python sbom.py ENVIRONMENT PIP_REPORT PYPROJECT VERSION_FILE

CycloneDX's own tool lists the packages with versions, licences and dependencies. It cannot see
which archive a package came from, so the hashes come from the report of `pip install --report`. The
output has no time and no serial number: equal environments give equal bytes.
"""

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

LISTING = [
    sys.executable,
    "-m",
    "cyclonedx_py",
    "environment",
    "--output-reproducible",
    "--sv",
    "1.6",
]


def bill_of_materials(
    environment: str, report: dict[str, Any], pyproject: str, version: str
) -> str:
    listing = [*LISTING, "--pyproject", pyproject, f"{environment}/bin/python"]
    bill = json.loads(subprocess.run(listing, check=True, stdout=subprocess.PIPE).stdout)
    bill["metadata"]["component"]["version"] = version
    hashes = archive_hashes(report)
    for component in bill["components"]:
        sha256 = hashes[canonicalize_name(component["name"])]
        component["hashes"] = [{"alg": "SHA-256", "content": sha256}]
    return json.dumps(bill, indent=2, sort_keys=True) + "\n"


def archive_hashes(report: dict[str, Any]) -> dict[str, str]:
    return {
        canonicalize_name(each["metadata"]["name"]): each["download_info"]["archive_info"][
            "hashes"
        ]["sha256"]
        for each in report["install"]
    }


def main(environment: str, report: str, pyproject: str, version_file: str) -> None:
    version = runpy.run_path(version_file)["__version__"]
    sys.stdout.write(
        bill_of_materials(environment, json.loads(Path(report).read_text()), pyproject, version)
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
