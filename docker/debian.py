"""Which Debian packages a binary consists of, as dpkg and Ninja know it."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class Package:
    name: str
    version: str
    architecture: str
    source: str
    source_version: str


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def shared_libraries(binary: Path) -> list[Path]:
    """What the loader would map for `binary`, itself included. Raises if it would not find something."""
    libraries = []
    for line in _output("ldd", str(binary)).splitlines():
        if "not found" in line:
            raise RuntimeError(f"{binary} needs a library that is not there: {line.strip()}")
        if match := re.search(r"(/\S+) \(0x", line):
            libraries.append(Path(match[1]))
    return sorted(libraries)


def owners(paths: list[Path]) -> dict[Path, Package]:
    """The packages that installed `paths`; files of no package are left out."""
    # dpkg knows a library by the name its package has, which may lack or have the /usr of a merged /usr.
    spellings = {}
    for path in paths:
        for known in (path, path.resolve()):
            plain = str(known).removeprefix("/usr")
            spellings.update({plain: path, "/usr" + plain: path})
    found = subprocess.run(["dpkg-query", "--search", *spellings], capture_output=True, text=True).stdout
    names = {}
    for line in found.splitlines():
        packages, _, file = line.partition(": ")
        if file in spellings and not line.startswith("diversion "):
            names[spellings[file]] = packages.split(",")[0]
    packages = describe(set(names.values()))
    return {path: packages[name] for path, name in names.items()}


def describe(names: set[str]) -> dict[str, Package]:
    fields = r"${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n"
    ordered = sorted(names)
    lines = _output("dpkg-query", "--show", f"--showformat={fields}", *ordered).splitlines() if ordered else []
    by_name = {line.split("\t")[0]: Package(*line.split("\t")) for line in lines}
    return {name: by_name[name.split(":")[0]] for name in ordered}


def linked_archives(build: Path, target: str) -> list[Path]:
    """The static archives of the system on the link line of `target`."""
    commands = _output("ninja", "-C", str(build), "-t", "commands", target).splitlines()
    return sorted({Path(word) for word in commands[-1].split() if re.fullmatch(r"/usr/\S+\.a", word)})


def included_headers(build: Path) -> list[Path]:
    """The headers of the system that anything in `build` included."""
    dependencies = _output("ninja", "-C", str(build), "-t", "deps").splitlines()
    return sorted({Path(line.strip()) for line in dependencies if line.startswith("    /usr/")})
