"""Images and containers for image_test.py: Buildah builds, Podman with runc runs.

Works as root on a machine without systemd, Docker or a registry: the base image is made from Debian's
packages by mmdebstrap, images are kept below a folder of the test's own, and RUN steps are isolated by
chroot only.
"""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

Json = dict[str, object]

TOOLS = ("buildah", "podman", "runc", "skopeo", "mmdebstrap", "nsenter")


def missing() -> str | None:
    """Why images cannot be built here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"needs {', '.join(absent)} (scripts/install-debian.sh --image)" if absent else None


def storage_driver(folder: Path) -> str:
    """overlay where the kernel lets us, else vfs, which copies everything for every layer."""
    lower, upper, work, merged = (folder / name for name in ("lower", "upper", "work", "merged"))
    for path in (lower, upper, work, merged):
        path.mkdir(exist_ok=True)
    layers = f"lowerdir={lower},upperdir={upper},workdir={work}"
    mount = ["mount", "-t", "overlay", "overlay", "-o", layers, str(merged)]
    if subprocess.run(mount, stderr=subprocess.DEVNULL).returncode != 0:
        return "vfs"
    subprocess.run(["umount", merged], check=True)
    return "overlay"


def files(root: Path) -> dict[str, Path]:
    """The regular files of an image by their name inside."""
    return {str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file()}


class Containers:
    """A store of images and containers in `folder`, which is removed by close(). Base images stay."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store = folder / "store"
        temporary = folder / "tmp"
        for path in (self._store, temporary):
            path.mkdir(parents=True, exist_ok=True)
        configuration = folder / "storage.conf"
        configuration.write_text(
            f'[storage]\ndriver = "{storage_driver(temporary)}"\n'
            f'graphroot = "{self._store}/graph"\nrunroot = "{self._store}/run"\n'
        )
        self.environment = dict(
            os.environ, CONTAINERS_STORAGE_CONF=str(configuration), TMPDIR=str(temporary)
        )

    def close(self) -> None:
        self.call("buildah", "rm", "--all")
        mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for target in reversed(mounted):
            if Path(target).is_relative_to(self._store):
                subprocess.run(["umount", target], check=True)
        shutil.rmtree(self._store)

    def call(self, *command: str | Path, check: bool = True) -> str:
        """Runs a tool on the store; what it printed. Raises with its complaint if it failed."""
        words = [str(word) for word in command]
        result = subprocess.run(words, env=self.environment, text=True, capture_output=True)
        if check and result.returncode != 0:
            raise RuntimeError(f"{' '.join(words)} failed:\n{result.stderr[-4000:]}")
        return result.stdout.strip()

    def base(self, suite: str) -> str:
        """A minimal Debian, from the machine's package sources."""
        archive = self._folder / f"{suite}.tar"
        if not archive.exists():
            partial = archive.with_suffix(".partial")
            self.call("mmdebstrap", "--quiet", "--variant=apt", "--mode=root", "--format=tar",
                      "--dpkgopt=force-unsafe-io", suite, partial)  # fmt: skip
            partial.rename(archive)
        container = self.call("buildah", "from", "scratch")
        self.call("buildah", "add", "--quiet", container, archive, "/")
        tag = f"localhost/debian:{suite}"
        self.call("buildah", "commit", "--quiet", "--rm", container, tag)
        return tag

    def build(self, sources: Path, tag: str, *options: str) -> None:
        """Builds docker/Dockerfile, with what the builder prints as it goes."""
        # The compiler's cache of this machine saves most of the work.
        cache = Path(os.environ.get("CCACHE_DIR", Path.home() / ".cache/ccache"))
        if cache.is_dir():
            options += (f"--volume={cache}:/ccache", "--build-arg=CCACHE_DIR=/ccache")
        command = ["buildah", "build", "--isolation=chroot", "--layers", "--format=docker",
                   "--timestamp=0", *options, f"--file={sources}/docker/Dockerfile",
                   f"--tag={tag}", sources]  # fmt: skip
        subprocess.run(command, env=self.environment, check=True)

    def configuration(self, tag: str) -> Json:
        return json.loads(self.call("buildah", "inspect", "--type=image", tag))["Docker"]

    def root(self, tag: str) -> Path:
        """The files of an image; not to be changed."""
        return Path(self.call("podman", "image", "mount", tag))

    def compressed_bytes(self, tag: str) -> int:
        """What a registry would store and a machine would fetch: its layers by gzip."""
        layout = self._store / "layout"
        self.call("skopeo", "copy", "--quiet", "--dest-compress", f"containers-storage:{tag}",
                  f"dir:{layout}")  # fmt: skip
        layers = json.loads((layout / "manifest.json").read_text())["layers"]
        shutil.rmtree(layout)
        return sum(layer["size"] for layer in layers)

    def start(self, tag: str, *arguments: str) -> "Container":
        """Starts an image as operators should: read-only, no capabilities, no new privileges."""
        # Without systemd no timer runs the health check; healthy() does it by hand. Explicit limits
        # because raising them, which Podman tries, may be forbidden.
        name = self.call(
            "podman", "--runtime=runc", "run", "--detach", "--network=none", "--read-only",
            "--cap-drop=all", "--security-opt=no-new-privileges", "--pids-limit=256",
            "--ulimit=nofile=1024:4096", "--ulimit=nproc=1024:1024", tag, *arguments,
        )  # fmt: skip
        return Container(self, name)


class Container:
    """A running container, with a network of its own in which it is alone."""

    def __init__(self, containers: Containers, name: str) -> None:
        self._containers = containers
        self.name = name
        self.pid = int(self.inspect("{{.State.Pid}}"))

    def _podman(self, *command: str, check: bool = True) -> str:
        return self._containers.call("podman", "--runtime=runc", *command, check=check)

    def inspect(self, template: str) -> str:
        return self._podman("inspect", "--format", template, self.name)

    def log(self) -> str:
        """Its standard output and standard error."""
        command = ["podman", "logs", self.name]
        return subprocess.run(
            command, env=self._containers.environment, text=True, check=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ).stdout  # fmt: skip

    def execute(self, *command: str) -> str:
        return self._podman("exec", self.name, *command)

    def healthy(self) -> bool:
        """Runs the image's HEALTHCHECK once."""
        self._podman("healthcheck", "run", self.name, check=False)
        return self.inspect("{{.State.Health.Status}}") == "healthy"

    def wait_until_healthy(self) -> None:
        for _ in range(100):
            if self.healthy():
                return
            time.sleep(0.2)  # the interval of the health check; Docker's timer does the same
        raise AssertionError(f"the container does not become healthy:\n{self.log()}")

    def status(self) -> dict[str, str]:
        """/proc/PID/status of process 1 of the container."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return dict(line.split(":\t", 1) for line in lines if ":\t" in line)

    def root_options(self) -> list[str]:
        """How the container's root is mounted."""
        for line in Path(f"/proc/{self.pid}/mounts").read_text().splitlines():
            _, target, _, options, *_ = line.split()
            if target == "/":
                return options.split(",")
        raise RuntimeError("the container has no root")

    def outside(self, *command: str | Path) -> str:
        """Runs a program of this machine in the container's network."""
        return self._containers.call("nsenter", f"--target={self.pid}", "--net", *command)

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self._podman("stop", "--time=20", self.name)
        return int(self.inspect("{{.State.ExitCode}}"))

    def remove(self) -> None:
        self._podman("rm", "--force", self.name)
