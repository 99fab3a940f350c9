#!/usr/bin/env python3
"""Measures the built-in model as it is served, photo by photo through a real server:

  models/builtin/evaluate.py --siskin build/release/bin/siskin FOLDER

FOLDER holds a folder of photos for each class. Prints accuracy and confusion matrix as Markdown."""
import argparse
import json
import os
import subprocess
from collections import Counter
from pathlib import Path

LABELS = (Path(__file__).resolve().parent / "clothing/labels.txt").read_text().split()


def classify(siskin: str, folder: Path) -> list[dict]:
    """What `siskin classify --json` says about every photo below `folder`."""
    environment = {name: value for name, value in os.environ.items() if name != "SISKIN_REPOSITORY"}
    server = subprocess.Popen([siskin, "serve", "--grpc", "127.0.0.1:0", "--admin", "off", "--log-level", "error"],
                              stdout=subprocess.PIPE, text=True, env=environment)
    try:
        address = server.stdout.readline().split()[1].removeprefix("grpc=")
        answers = subprocess.run([siskin, "classify", "--server", address, "--json", str(folder)],
                                 stdout=subprocess.PIPE, text=True, check=True)
    finally:
        server.terminate()
        server.wait()
    return [json.loads(line) for line in answers.stdout.splitlines()]


def print_report(outcomes: list[tuple[str, list[str]]]) -> None:
    """Of pairs: the true class, and the predicted ones, the likeliest first."""
    confusion = Counter((truth, predicted[0]) for truth, predicted in outcomes)
    right = sum(confusion[label, label] for label in LABELS)
    near = sum(truth in predicted[:2] for truth, predicted in outcomes)
    print(f"{len(outcomes)} photos: top-1 {right / len(outcomes):.1%}, top-2 {near / len(outcomes):.1%}\n")
    print("| is \\ is called | " + " | ".join(LABELS) + " | recall |")
    print("|---|" + "---:|" * (len(LABELS) + 1))
    for truth in LABELS:
        row = [confusion[truth, label] for label in LABELS]
        recall = f"{confusion[truth, truth] / sum(row):.0%}" if sum(row) else "-"
        print(f"| {truth} | " + " | ".join(str(count or "") for count in row) + f" | {recall} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--siskin", required=True, help="the binary")
    parser.add_argument("folder", type=Path, help="<class>/*.jpg")
    arguments = parser.parse_args()
    answers = classify(arguments.siskin, arguments.folder)
    print_report([(Path(answer["file"]).parent.name, [guess["label"] for guess in answer["classifications"]])
                  for answer in answers])


if __name__ == "__main__":
    main()
