"""Print the software bill of materials of an environment that pip has just installed, as CycloneDX
1.6 in JSON.

    python sbom.py ENVIRONMENT PIP_REPORT SERVICE_WHEEL CLIENT_WHEEL [DPKG_LIST]

CycloneDX's own tool lists the packages with versions, licences and dependencies. It cannot see
which archive a package came from, so the hashes come from the report of `pip install --report`, and
those of this project from its wheels. DPKG_LIST has a line `NAME VERSION ARCHITECTURE` for each
Debian package. The output has no time and no serial number: equal environments give equal bytes.
"""

import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
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
OWN = ("presign-server", "presign-client")
Json = dict[str, Any]


def bill_of_materials(environment: str, report: Json, wheels: list[Path], debian: str) -> str:
    listing = [*LISTING, f"{environment}/bin/python"]
    bill = json.loads(subprocess.run(listing, check=True, stdout=subprocess.PIPE).stdout)
    hashes = archive_hashes(report)
    found = [each for each in bill["components"] if name_of(each) not in OWN]
    for component in found:
        component["hashes"] = [{"alg": "SHA-256", "content": hashes[name_of(component)]}]
    listed = {name_of(each) for each in found} | {*OWN}
    edges = [each for each in bill["dependencies"] if name_in(each["ref"]) in listed - {*OWN}]
    refs = {name_of(each): each["bom-ref"] for each in found} | {each: each for each in OWN}
    metadata = [metadata_of(each) for each in wheels]
    bill["components"] = [
        *found,
        *map(own_component, wheels, metadata),
        *debian_components(debian),
    ]
    bill["dependencies"] = [*edges, *(own_edge(each, refs) for each in metadata)]
    bill["dependencies"].append({"ref": "presign", "dependsOn": [OWN[0]]})
    bill["metadata"]["component"] = root(metadata[0]["Version"])
    return json.dumps(bill, indent=2, sort_keys=True) + "\n"


def root(version: str) -> Json:
    return {"type": "application", "bom-ref": "presign", "name": "presign", "version": version}


def name_of(component: Json) -> str:
    return canonicalize_name(component["name"])


def name_in(ref: str) -> str:
    """Return the name in a reference `NAME==VERSION` of CycloneDX's tool."""
    return canonicalize_name(ref.partition("==")[0])


def archive_hashes(report: Json) -> dict[str, str]:
    return {
        canonicalize_name(each["metadata"]["name"]): each["download_info"]["archive_info"][
            "hashes"
        ]["sha256"]
        for each in report["install"]
    }


def metadata_of(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [each for each in archive.namelist() if each.endswith(".dist-info/METADATA")]
        return HeaderParser().parsestr(archive.read(name).decode())


def own_component(wheel: Path, metadata: Message) -> Json:
    name, version = metadata["Name"], metadata["Version"]
    return {
        "type": "library",
        "bom-ref": name,
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name}@{version}",
        "licenses": [{"license": {"id": metadata["License-Expression"]}}],
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()}],
    }


def own_edge(metadata: Message, refs: dict[str, str]) -> Json:
    """Return what a wheel needs, with its extras, as far as the environment has it."""
    names = [
        canonicalize_name(Requirement(each).name) for each in metadata.get_all("Requires-Dist", [])
    ]
    return {
        "ref": metadata["Name"],
        "dependsOn": sorted({refs[name] for name in names if name in refs}),
    }


def debian_components(listing: str) -> Iterator[Json]:
    for line in sorted(listing.splitlines()):
        name, version, architecture = line.split()
        purl = f"pkg:deb/debian/{name}@{version.replace('+', '%2B')}?arch={architecture}"
        yield {
            "type": "library",
            "bom-ref": purl,
            "name": name,
            "version": version,
            "purl": purl,
        }


def main(environment: str, report: str, service: str, client: str, dpkg: str = "") -> None:
    debian = Path(dpkg).read_text() if dpkg else ""
    wheels = [Path(service), Path(client)]
    sys.stdout.write(
        bill_of_materials(environment, json.loads(Path(report).read_text()), wheels, debian)
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
