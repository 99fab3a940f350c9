#!/usr/bin/env python3
"""Puts together the root of an image that can run one binary and nothing else.

ROOT gets the binary (stripped, as /siskin), the loader and the shared libraries it needs, their
licences, a user 65532, and the list of all that, an SPDX document in usr/share/doc/siskin. Fails if
a library is missing. Run it where the binary was built.

Example: collect_rootfs.py --build build/image --version 0.1.0 /rootfs
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import debian
import sbom

SOURCES = Path(__file__).resolve().parent.parent
USER = "nonroot:x:65532:65532:nonroot:/:/sbin/nologin\n"
GROUP = "nonroot:x:65532:\n"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", type=Path, required=True, help="build folder, with bin/siskin")
    parser.add_argument("--version", required=True, help="the version that bin/siskin must report")
    parser.add_argument("root", type=Path, metavar="ROOT")
    return parser.parse_args()


def check_version(binary: Path, wanted: str) -> None:
    reported = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True)
    if reported.stdout.split() != ["siskin", wanted]:
        raise RuntimeError(f"asked for version {wanted}, the sources are {reported.stdout.strip()}")


def copy(source: Path, root: Path, destination: Path) -> None:
    target = root / destination.relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)  # what a link points to; permissions follow below


def write(text: str, root: Path, name: str) -> None:
    target = root / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def copy_licences(packages: set[debian.Package], root: Path) -> None:
    for package in packages:
        licence = Path("/usr/share/doc") / package.name / "copyright"
        copy(licence, root, licence)
    copy(SOURCES / "LICENSE", root, Path("/usr/share/doc/siskin/copyright"))


def set_permissions(root: Path, executables: list[Path]) -> None:
    for path in root.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    for path in executables:
        (root / path.relative_to("/")).chmod(0o755)


def main() -> int:
    arguments = parse_arguments()
    binary, root = arguments.build / "bin/siskin", arguments.root
    check_version(binary, arguments.version)
    libraries = debian.shared_libraries(binary)
    for library in libraries:
        copy(library, root, library)
    copy(binary, root, Path("/siskin"))
    subprocess.run(["strip", root / "siskin"], check=True)
    write(USER, root, "etc/passwd")
    write(GROUP, root, "etc/group")
    (root / "models").mkdir()

    headers = debian.included_headers(arguments.build)
    parts = sbom.Parts(
        version=arguments.version,
        shared=set(debian.owners(libraries).values()),
        static=set(debian.owners(debian.linked_archives(arguments.build, "siskin")).values()),
        headers=set(debian.owners(headers).values()),
    )
    copy_licences(parts.shared | parts.static | parts.headers, root)
    set_permissions(root, [Path("/siskin"), *libraries])
    sbom.write(parts, root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
