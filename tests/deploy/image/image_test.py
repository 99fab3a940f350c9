#!/usr/bin/env python3
"""Builds the container image and holds it to what docs/containers.md says about it.

Skips, with one line, where images cannot be built. Options are in the environment, because unittest
has the command line: SISKIN_BINARY, the client that asks the container from outside; MODELS, sample
weights (the image that carries a model is left out without them); SISKIN_IMAGE_THOROUGH=1 for the
tests that build everything again.
"""

import hashlib
import json
import os
import shutil
import stat
import sys
import unittest
from pathlib import Path

import containers

SOURCES = Path(__file__).resolve().parents[3]
BINARY = Path(os.environ.get("SISKIN_BINARY", SOURCES / "build/release/bin/siskin"))
MODELS = Path(os.environ.get("MODELS", SOURCES / "../shared/models"))
FOLDER = SOURCES / "build/image-test"

MAX_COMPRESSED = 30e6  # bytes, weights apart
MAX_UNPACKED = 75e6

TAG = "localhost/siskin:test"
TAG_AGAIN = "localhost/siskin:test-again"
TAG_WITH_PULL = "localhost/siskin:test-with-pull"
TAG_WITH_MODELS = "localhost/siskin:test-with-models"
MODEL = "mobilenet_v3_small"
SBOM = "usr/share/doc/siskin/sbom.spdx.json"

store: containers.Containers
base: str


def build(tag: str, *options: str) -> None:
    store.build(SOURCES, tag, f"--build-arg=BASE={base}", "--build-arg=REVISION=test", *options)


def setUpModule() -> None:
    global store, base
    store = containers.Containers(FOLDER)
    unittest.addModuleCleanup(store.close)
    base = store.base("bookworm")
    build(TAG, "--target=siskin")


def bill(root: Path) -> dict[str, str]:
    """The bill of materials: the SHA256 of each file it lists."""
    document = json.loads((root / SBOM).read_text())
    return {
        file["fileName"].removeprefix("./"): checksum["checksumValue"]
        for file in document["files"]
        for checksum in file["checksums"]
        if checksum["algorithm"] == "SHA256"
    }


class ContentsTest(unittest.TestCase):
    """What is in the image, without running it."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.root = store.root(TAG)
        cls.files = containers.files(cls.root)

    def test_is_small(self) -> None:
        sizes = {name: path.stat().st_size for name, path in self.files.items()}
        for name, size in sorted(sizes.items(), key=lambda item: -item[1])[:20]:
            print(f"{size / 1e6:8.2f} MB  /{name}")
        unpacked, compressed = sum(sizes.values()), store.compressed_bytes(TAG)
        print(f"{unpacked / 1e6:8.2f} MB  in {len(sizes)} files; {compressed / 1e6:.2f} MB compressed")
        self.assertLessEqual(unpacked, MAX_UNPACKED)
        self.assertLessEqual(compressed, MAX_COMPRESSED)

    def test_nothing_but_the_server_can_be_executed(self) -> None:
        executable = {
            name for name, path in self.files.items()
            if path.stat().st_mode & 0o111 and ".so" not in path.name
        }  # fmt: skip
        self.assertEqual(executable, {"siskin"})

    def test_no_file_has_privileges_or_belongs_to_its_user(self) -> None:
        for path in self.root.rglob("*"):
            status = path.lstat()
            self.assertEqual((status.st_uid, status.st_gid), (0, 0), path)
            self.assertFalse(status.st_mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IWOTH), path)

    def test_nothing_of_the_build_is_left(self) -> None:
        top = {path.name for path in self.root.iterdir()}
        self.assertEqual(top, {"etc", "lib", "lib64", "models", "siskin", "usr"})
        self.assertEqual({path.name for path in (self.root / "etc").iterdir()}, {"group", "passwd"})
        self.assertEqual({path.name for path in (self.root / "usr").iterdir()}, {"share"})

    def test_the_bill_of_materials_lists_every_file(self) -> None:
        present = {
            name: hashlib.sha256(path.read_bytes()).hexdigest()
            for name, path in self.files.items() if name != SBOM
        }  # fmt: skip
        self.assertEqual(bill(self.root), present)

    def test_the_bill_of_materials_names_the_packages(self) -> None:
        document = json.loads((self.root / SBOM).read_text())
        linked = {"STATIC_LINK": set(), "DYNAMIC_LINK": set(), "BUILD_DEPENDENCY_OF": set()}
        names = {package["SPDXID"]: package["name"] for package in document["packages"]}
        for relation in document["relationships"]:
            ends = {names.get(relation["spdxElementId"]), names.get(relation["relatedSpdxElement"])}
            linked.get(relation["relationshipType"], set()).update(ends - {"siskin"})
        self.assertLessEqual({"libc6", "libdnnl2", "libstdc++6"}, linked["DYNAMIC_LINK"])
        self.assertLessEqual({"libgrpc-dev", "libprotobuf-dev", "libssl-dev"}, linked["STATIC_LINK"])
        self.assertIn("libcli11-dev", linked["BUILD_DEPENDENCY_OF"])
        for package in set.union(*linked.values()):
            self.assertTrue((self.root / f"usr/share/doc/{package}/copyright").is_file(), package)

    def test_the_configuration_is_that_of_a_service(self) -> None:
        image = store.configuration(TAG)
        configuration = image["config"]
        self.assertEqual(configuration["User"], "65532:65532")
        self.assertEqual(configuration["Entrypoint"], ["/siskin"])
        self.assertEqual(configuration["StopSignal"], "SIGTERM")
        self.assertEqual(configuration["Healthcheck"]["Test"][:3], ["CMD", "/siskin", "health"])
        self.assertEqual(configuration["Labels"]["org.opencontainers.image.revision"], "test")
        self.assertTrue(image["created"].startswith("1970-01-01T00:00:00"))


class RunningTest(unittest.TestCase):
    """The image as a container, with random weights."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.container = store.start(TAG, "serve", "--random-model", "mobilenet_v2")
        cls.addClassCleanup(cls.container.remove)
        cls.container.wait_until_healthy()

    def test_is_an_unprivileged_process(self) -> None:
        status = self.container.status()
        self.assertEqual(status["NSpid"].split()[-1], "1")
        self.assertEqual(set(status["Uid"].split() + status["Gid"].split()), {"65532"})
        for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[capabilities], 16), 0, capabilities)
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(status["Seccomp"], "2")
        self.assertIn("ro", self.container.root_options())

    def test_has_no_shell(self) -> None:
        with self.assertRaisesRegex(RuntimeError, "(?i)no such file"):
            self.container.execute("/bin/sh", "-c", "true")

    def test_says_its_version(self) -> None:
        label = store.configuration(TAG)["config"]["Labels"]["org.opencontainers.image.version"]
        self.assertEqual(self.container.execute("/siskin", "--version"), f"siskin {label}")

    def test_classifies_for_a_client_outside(self) -> None:
        photo = SOURCES / "models/builtin/samples/dress.jpg"
        answer = self.container.outside(BINARY, "classify", "--json", photo)
        self.assertEqual(len(answer.splitlines()), 1)
        self.assertIn("probability", answer)

    def test_sigterm_ends_it_with_0(self) -> None:
        container = store.start(TAG, "serve", "--random-model", "mobilenet_v2")
        self.addCleanup(container.remove)
        container.wait_until_healthy()
        self.assertEqual(container.stop(), 0, container.log())


@unittest.skipUnless((MODELS / MODEL).is_dir(), f"no sample weights in {MODELS}")
class WithModelsTest(unittest.TestCase):
    """The second image: the same, and a model."""

    @classmethod
    def setUpClass(cls) -> None:
        repository = FOLDER / "repository"
        shutil.rmtree(repository, ignore_errors=True)
        (repository / MODEL / "1").mkdir(parents=True)
        for source, name in (
            (MODELS / MODEL / "model.safetensors", "1/model.safetensors"),
            (MODELS / MODEL / "labels.txt", "labels.txt"),
            (SOURCES / "deploy/repository" / MODEL / "model.textproto", "model.textproto"),
        ):
            shutil.copyfile(source, repository / MODEL / name)
        build(TAG_WITH_MODELS, "--target=siskin-with-models", f"--build-context=models={repository}")

    def test_the_bill_of_materials_has_the_digest_of_the_weights(self) -> None:
        weights = (MODELS / MODEL / "model.safetensors").read_bytes()
        listed = bill(store.root(TAG_WITH_MODELS))
        self.assertEqual(listed[f"models/{MODEL}/1/model.safetensors"], hashlib.sha256(weights).hexdigest())
        self.assertEqual(set(listed), set(containers.files(store.root(TAG_WITH_MODELS))) - {SBOM})

    def test_needs_nothing_more_to_recognise_a_photo(self) -> None:
        container = store.start(TAG_WITH_MODELS)
        self.addCleanup(container.remove)
        container.wait_until_healthy()
        answer = container.outside(BINARY, "classify", "--json", MODELS / "images/cat.png")
        self.assertIn("cat", json.loads(answer)["classifications"][0]["label"].lower())
        self.assertEqual(container.stop(), 0, container.log())


@unittest.skipUnless(os.environ.get("SISKIN_IMAGE_THOROUGH"), "set SISKIN_IMAGE_THOROUGH=1")
class OtherBuildsTest(unittest.TestCase):
    """Builds that take some minutes more."""

    def test_the_same_sources_give_the_same_image(self) -> None:
        build(TAG_AGAIN, "--target=siskin", "--no-cache")
        first, again = store.configuration(TAG), store.configuration(TAG_AGAIN)
        for image in (first, again):
            del image["config"]["Hostname"]  # Buildah's name of the container that built it
        for part in ("rootfs", "config", "created"):
            self.assertEqual(again[part], first[part])

    def test_siskin_pull_has_what_it_needs(self) -> None:
        build(TAG_WITH_PULL, "--target=siskin", "--build-arg=PRESET=image-with-pull")
        root = store.root(TAG_WITH_PULL)
        self.assertTrue((root / "etc/ssl/certs/ca-certificates.crt").is_file())
        container = store.start(TAG_WITH_PULL, "serve", "--random-model", "mobilenet_v2")
        self.addCleanup(container.remove)
        self.assertIn("pull", container.execute("/siskin", "pull", "--help"))


if __name__ == "__main__":
    if reason := containers.missing():
        print(f"image_test skipped: {reason}")
        sys.exit(0)
    unittest.main(verbosity=2)
