"""MobileNetV2 side by side on one core: `siskin bench` and ONNX Runtime, A B A B.

Both run the same weights on one thread, pinned to the same core. ONNX Runtime runs with every graph
optimisation (blocked NCHWc layout, fused activations and additions), one thread, sequential
execution, bound input and output, and denormals flushed to zero. Its logits are given to
`siskin bench --check` before anything is timed. A round is one measurement of each; medians over
the rounds count.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnxruntime

import mobilenet_v2_onnx
import safetensors_file

MODEL = "mobilenet_v2"
MAX_RELATIVE_ERROR = 1e-4
WARMUP_SECONDS = 0.5


@dataclass
class Comparison:
    """One batch size: images per second of each round, and the largest relative error."""

    batch: int
    max_relative_error: float
    siskin: list[float]
    onnxruntime: list[float]

    def medians(self) -> tuple[float, float]:
        return statistics.median(self.siskin), statistics.median(self.onnxruntime)

    def ratio(self) -> float:
        siskin, peer = self.medians()
        return siskin / peer


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--siskin", required=True, type=Path, help="the siskin binary")
    parser.add_argument(
        "--models", required=True, type=Path,
        help="folder with mobilenet_v2/model.safetensors or mobilenet_v2/VERSION/model.safetensors",
    )  # fmt: skip
    parser.add_argument(
        "--golden", type=Path, help='safetensors with "input" and "logits": the peer must match it'
    )
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8], help="default: 1 8")
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--seconds", type=float, default=2.0, help="of one measurement; default: 2")
    parser.add_argument("--cpu", type=int, help="core to run on (default: the last allowed one)")
    parser.add_argument(
        "--require", type=float, metavar="RATIO", help="exit 1 if siskin / peer is below this"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    arguments = parser.parse_args()
    if min(arguments.batch) < 1 or arguments.rounds < 1 or arguments.seconds <= 0:
        parser.error("--batch, --rounds and --seconds must be positive")
    return arguments


def find_weights(models: Path) -> Path:
    """The highest version's, in a repository; or the model's only file."""
    folder = models / MODEL
    versions = [p for p in folder.glob("*/model.safetensors") if p.parent.name.isdigit()]
    if versions:
        return max(versions, key=lambda path: int(path.parent.name))
    if (folder / "model.safetensors").exists():
        return folder / "model.safetensors"
    sys.exit(f"no {folder}/model.safetensors: --models must name a folder that has it")


def make_repository(folder: Path, weights: Path) -> Path:
    """A model repository in `folder` with these weights and nothing else."""
    version = folder / MODEL / "1"
    version.mkdir(parents=True)
    (version / "model.safetensors").symlink_to(weights.resolve())
    return folder


def make_session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def relative_error(actual: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(actual - expected).max() / np.abs(expected).max())


def check_golden(weights: dict[str, np.ndarray], padding: str, golden_path: Path) -> None:
    golden, _ = safetensors_file.read(golden_path)
    model = mobilenet_v2_onnx.build(weights, padding, batch=len(golden["input"]))
    logits = make_session(model).run(None, {"input": golden["input"]})[0]
    error = relative_error(logits, golden["logits"])
    if not error <= MAX_RELATIVE_ERROR:
        sys.exit(f"ONNX Runtime is off the golden logits: relative error {error:.1e}")


class Siskin:
    """`siskin bench` on one lane, with the model of `repository`."""

    def __init__(self, binary: Path, repository: Path) -> None:
        self.binary = binary
        self._command = [binary, "bench", "--json", "--lanes", "1", "--model", MODEL]
        self._command += ["--repository", repository]

    def bench(self, batch: int, seconds: float, *extra: str) -> dict:
        command = [*self._command, "--batch", str(batch), "--seconds", str(seconds), *extra]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        if done.returncode != 0:
            sys.exit(f"siskin bench ended with exit code {done.returncode}")
        return json.loads(done.stdout)

    def images_per_second(self, batch: int, seconds: float) -> float:
        return self.bench(batch, seconds)["results"][0]["images_per_second"]

    def relative_error(self, images: np.ndarray, logits: np.ndarray) -> float:
        """The largest from `logits`; leaves the program if it is too large."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "logits.safetensors"
            safetensors_file.write(path, {"input": images, "logits": logits})
            report = self.bench(len(images), 0.01, "--check", str(path))
        return report["check"]["max_relative_error"]


def time_peer(session: onnxruntime.InferenceSession, images: np.ndarray, seconds: float) -> float:
    """Images per second."""
    binding = session.io_binding()
    binding.bind_cpu_input("input", images)
    binding.bind_output("logits")

    def run_for(duration: float) -> float:
        runs, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < duration:
            session.run_with_iobinding(binding)
            runs += 1
        return runs * len(images) / elapsed

    run_for(WARMUP_SECONDS)
    return run_for(seconds)


def compare(siskin: Siskin, model: bytes, batch: int, rounds: int, seconds: float) -> Comparison:
    session = make_session(model)
    random = np.random.default_rng(batch)
    images = random.uniform(-1, 1, (batch, 3, 224, 224)).astype(np.float32)
    logits = session.run(None, {"input": images})[0]
    comparison = Comparison(batch, siskin.relative_error(images, logits), [], [])
    for _ in range(rounds):
        comparison.siskin.append(siskin.images_per_second(batch, seconds))
        comparison.onnxruntime.append(time_peer(session, images, seconds))
    return comparison


def source_commit(siskin: Path) -> str:
    """The commit of the checkout that holds the binary, "-dirty" with changes; or "unknown"."""
    command = ["git", "-C", siskin.resolve().parent, "describe", "--always", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def describe_machine(siskin: Siskin, cpu: int) -> dict:
    report = siskin.bench(batch=1, seconds=0.01)
    return {
        **report["machine"],
        "pinned_to_cpu": cpu,
        "siskin": report["version"],
        "commit": source_commit(siskin.binary),
        "onnxruntime": onnxruntime.__version__,
        "python": platform.python_version(),
    }


def to_json(machine: dict, comparisons: list[Comparison]) -> str:
    results = []
    for comparison in comparisons:
        siskin, peer = comparison.medians()
        medians = {"siskin": siskin, "onnxruntime": peer}
        results.append({**asdict(comparison), "median": medians, "ratio": comparison.ratio()})
    return json.dumps({"schema": 1, "machine": machine, "results": results}, indent=2)


def to_text(machine: dict, comparisons: list[Comparison]) -> str:
    lines = [f"{name}: {value}" for name, value in machine.items()]
    lines += ["", "images per second, median (lowest to highest round)"]
    for comparison in comparisons:
        lines.append(f"batch {comparison.batch}")
        for name, median, rounds in zip(
            ("siskin", "onnxruntime"),
            comparison.medians(),
            (comparison.siskin, comparison.onnxruntime),
            strict=True,
        ):
            lines.append(f"  {name:12} {median:8.1f}  ({min(rounds):.1f} to {max(rounds):.1f})")
        lines.append(f"  siskin / onnxruntime = {comparison.ratio():.3f}")
        lines.append(f"  largest relative error of the logits: {comparison.max_relative_error:.1e}")
    return "\n".join(lines)


def main() -> int:
    arguments = parse_arguments()
    cpu = max(os.sched_getaffinity(0)) if arguments.cpu is None else arguments.cpu
    # Inherited by siskin bench: both peers run on this core and no other.
    os.sched_setaffinity(0, {cpu})
    path = find_weights(arguments.models)
    weights, metadata = safetensors_file.read(path)
    padding = metadata.get("padding", "symmetric")
    if arguments.golden is not None:
        check_golden(weights, padding, arguments.golden)
    comparisons = []
    with tempfile.TemporaryDirectory() as folder:
        siskin = Siskin(arguments.siskin, make_repository(Path(folder), path))
        machine = describe_machine(siskin, cpu)
        for batch in arguments.batch:
            model = mobilenet_v2_onnx.build(weights, padding, batch)
            comparisons.append(compare(siskin, model, batch, arguments.rounds, arguments.seconds))
    print((to_json if arguments.json else to_text)(machine, comparisons))
    worst = min(comparison.ratio() for comparison in comparisons)
    return 1 if arguments.require is not None and worst < arguments.require else 0


if __name__ == "__main__":
    sys.exit(main())
