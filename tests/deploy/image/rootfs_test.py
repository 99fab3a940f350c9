"""docker/debian.py and docker/sbom.py without an image: small binaries and folders of the test's own."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCES = Path(os.environ["SISKIN_SOURCE_DIR"])
sys.path.insert(0, str(SOURCES / "docker"))

import debian  # noqa: E402
import sbom  # noqa: E402

PACKAGE = debian.Package("libfinch1", "1:2.0+b1", "amd64", "finch", "2.0")


class TemporaryFolderTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)


class SharedLibrariesTest(TemporaryFolderTest):
    def compile(self, source: str, *options: str) -> None:
        subprocess.run(
            ["cc", "-x", "c", "-", *options], input=source, text=True, check=True, cwd=self.folder
        )

    def test_a_library_that_is_not_there_is_an_error_that_names_it(self) -> None:
        self.compile("int finch(void) { return 7; }", "-shared", "-o", "libfinch.so")
        self.compile(
            "int finch(void); int main(void) { return finch(); }",
            "-o", "main", "-Wl,--no-as-needed", "-x", "none", "libfinch.so",
        )  # fmt: skip
        with self.assertRaisesRegex(RuntimeError, "libfinch.so"):
            debian.shared_libraries(self.folder / "main")

    def test_the_loader_is_one_of_them(self) -> None:
        names = [path.name for path in debian.shared_libraries(Path("/bin/ls"))]
        self.assertTrue(any(name.startswith("ld-linux") for name in names), names)
        self.assertIn("libc.so.6", names)


class OwnersTest(unittest.TestCase):
    def test_finds_packages_whichever_way_usr_is_merged(self) -> None:
        libraries = [path for path in debian.shared_libraries(Path("/bin/ls")) if "libc.so" in path.name]
        for path in (*libraries, Path("/usr/bin/env"), Path("/bin/env")):
            self.assertIn(path, debian.owners([path]))
        self.assertEqual(debian.owners(libraries)[libraries[0]].name, "libc6")

    def test_leaves_out_what_no_package_owns(self) -> None:
        self.assertEqual(debian.owners([Path(__file__)]), {})


class SbomTest(TemporaryFolderTest):
    def write(self, version: str = "1.2.3") -> dict:
        (self.folder / sbom.DOCUMENT).parent.mkdir(parents=True, exist_ok=True)
        parts = sbom.Parts(version, shared={PACKAGE}, static=set(), headers={PACKAGE})
        sbom.write(parts, self.folder)
        return json.loads((self.folder / sbom.DOCUMENT).read_text())

    def test_lists_files_with_digests_but_not_itself(self) -> None:
        (self.folder / "siskin").write_bytes(b"abc")
        (file,) = self.write()["files"]
        self.assertEqual(file["fileName"], "./siskin")
        self.assertEqual(file["checksums"][1]["checksumValue"][:8], "ba7816bf")

    def test_a_package_is_listed_once_with_every_way_it_got_in(self) -> None:
        document = self.write()
        self.assertEqual([package["name"] for package in document["packages"]], ["siskin", "libfinch1"])
        self.assertEqual(
            [relation["relationshipType"] for relation in document["relationships"]],
            ["DESCRIBES", "DYNAMIC_LINK", "BUILD_DEPENDENCY_OF"],
        )

    def test_identifiers_are_unique_and_relations_point_to_them(self) -> None:
        (self.folder / "a").touch()
        document = self.write()
        parts = document["packages"] + document["files"] + [document]
        identifiers = [part["SPDXID"] for part in parts]
        self.assertEqual(len(identifiers), len(set(identifiers)))
        for relation in document["relationships"]:
            self.assertIn(relation["spdxElementId"], identifiers)
            self.assertIn(relation["relatedSpdxElement"], identifiers)

    def test_the_same_files_give_the_same_document(self) -> None:
        (self.folder / "siskin").write_bytes(b"abc")
        before = self.write()
        self.assertEqual(self.write(), before)
        (self.folder / "siskin").write_bytes(b"abd")
        self.assertNotEqual(self.write()["documentNamespace"], before["documentNamespace"])


if __name__ == "__main__":
    unittest.main()
