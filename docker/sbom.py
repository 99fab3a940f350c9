#!/usr/bin/env python3
"""The software bill of materials of the image, as SPDX 2.3 in JSON.

Every file of the image is listed with its digests, and every Debian package it was made of, by how
it got in: mapped at run time, linked in, or only its headers. The same image gives the same document.

As a command it adds what was put into ROOT since (models) to the document that is there:
  sbom.py ROOT
"""

import hashlib
import json
import os
import re
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from debian import Package

DOCUMENT = Path("usr/share/doc/siskin/sbom.spdx.json")
IMAGE = "SPDXRef-siskin"

Json = dict[str, object]


@dataclass(frozen=True)
class Parts:
    version: str
    shared: set[Package]
    static: set[Package]
    headers: set[Package]


def _package_id(package: Package) -> str:
    return "SPDXRef-debian-" + re.sub(r"[^A-Za-z0-9.-]", "-", package.name)


def _package(package: Package) -> Json:
    purl = f"pkg:deb/debian/{package.name}@{package.version}?arch={package.architecture}"
    return {
        "SPDXID": _package_id(package),
        "name": package.name,
        "versionInfo": package.version,
        "supplier": "Organization: Debian",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "sourceInfo": f"built from the source package {package.source} {package.source_version}",
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "licenseComments": f"see /usr/share/doc/{package.name}/copyright in the image",
        "copyrightText": "NOASSERTION",
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": purl,
            }
        ],
    }


def _relation(subject: str, kind: str, object_: str) -> Json:
    return {"spdxElementId": subject, "relationshipType": kind, "relatedSpdxElement": object_}


def _relations(parts: Parts) -> list[Json]:
    relations = [_relation("SPDXRef-DOCUMENT", "DESCRIBES", IMAGE)]
    relations += [_relation(IMAGE, "DYNAMIC_LINK", _package_id(p)) for p in sorted(parts.shared)]
    relations += [_relation(IMAGE, "STATIC_LINK", _package_id(p)) for p in sorted(parts.static)]
    relations += [
        _relation(_package_id(p), "BUILD_DEPENDENCY_OF", IMAGE) for p in sorted(parts.headers)
    ]
    return relations


def _file(path: Path, root: Path) -> Json:
    content = path.read_bytes()
    name = path.relative_to(root)
    return {
        "SPDXID": "SPDXRef-file-" + re.sub(r"[^A-Za-z0-9.-]", "-", str(name)),
        "fileName": f"./{name}",
        "checksums": [
            {"algorithm": "SHA1", "checksumValue": hashlib.sha1(content).hexdigest()},
            {"algorithm": "SHA256", "checksumValue": hashlib.sha256(content).hexdigest()},
        ],
        "licenseConcluded": "NOASSERTION",
        "licenseInfoInFiles": ["NOASSERTION"],
        "copyrightText": "NOASSERTION",
    }


def _files(root: Path) -> list[Json]:
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    return [_file(path, root) for path in paths if path.relative_to(root) != DOCUMENT]


def _verification_code(files: list[Json]) -> Json:
    digests = sorted(file["checksums"][0]["checksumValue"] for file in files)
    return {
        "packageVerificationCodeValue": hashlib.sha1("".join(digests).encode()).hexdigest(),
        "packageVerificationCodeExcludedFiles": [f"./{DOCUMENT}"],
    }


def _image(version: str) -> Json:
    return {
        "SPDXID": IMAGE,
        "name": "siskin",
        "versionInfo": version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": True,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "Apache-2.0",
        "licenseInfoFromFiles": ["NOASSERTION"],
        "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": "CONTAINER",
    }


def _save(document: Json, root: Path) -> None:
    """Fills in what follows from the files of `root`, and writes the document there."""
    files = _files(root)
    image = document["packages"][0]
    image["packageVerificationCode"] = _verification_code(files)
    image["hasFiles"] = [file["SPDXID"] for file in files]
    document["files"] = files
    code = image["packageVerificationCode"]["packageVerificationCodeValue"]
    document["documentNamespace"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, code)}"
    (root / DOCUMENT).write_text(json.dumps(document, indent=1) + "\n")


def write(parts: Parts, root: Path) -> None:
    created = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", "0")))
    packages = sorted(parts.shared | parts.static | parts.headers)
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"siskin-{parts.version}",
        "creationInfo": {
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", created),
            "creators": ["Tool: siskin-docker-sbom"],
        },
        "packages": [_image(parts.version), *map(_package, packages)],
        "relationships": _relations(parts),
    }
    _save(document, root)


def main() -> int:
    root = Path(sys.argv[1])
    _save(json.loads((root / DOCUMENT).read_text()), root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
