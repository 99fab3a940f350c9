#!/usr/bin/env python3
"""Accuracy of the built-in model as it is served:

  models/builtin/evaluate.py SISKIN PHOTOS

SISKIN is the binary, PHOTOS a folder with a folder of photos for each class. Starts a server, classifies
every photo through it, and prints top-1 accuracy and the confusion matrix."""
import collections
import json
import pathlib
import subprocess
import sys


def classify(siskin: str, server: str, photos: list[pathlib.Path]) -> list[str]:
    """The first label of each photo, in order."""
    command = [siskin, "classify", "--server", server, "--top-k", "1", "--json", *map(str, photos)]
    answers = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return [answer["classifications"][0]["label"] for answer in answers["results"]]


def print_matrix(counts: collections.Counter, names: list[str]) -> None:
    print("\n| photos of | " + " | ".join(names) + " | right |")
    print("|---" * (len(names) + 2) + "|")
    for truth in names:
        row = [counts[truth, said] for said in names]
        print(f"| {truth} | " + " | ".join(str(n or "") for n in row) + f" | {counts[truth, truth] / sum(row):.0%} |")


def main(siskin: str, folder: pathlib.Path) -> None:
    names = sorted(path.name for path in folder.iterdir())
    photos = [photo for name in names for photo in sorted((folder / name).iterdir())]
    process = subprocess.Popen([siskin, "serve", "--grpc", "127.0.0.1:0", "--admin", "off", "--log-level", "error"],
                               stdout=subprocess.PIPE, text=True, env={})
    try:
        server = process.stdout.readline().split("grpc=")[1].split()[0]
        labels = classify(siskin, server, photos)
    finally:
        process.terminate()
        process.wait()
    counts = collections.Counter((photo.parent.name, label) for photo, label in zip(photos, labels))
    right = sum(counts[name, name] for name in names)
    print(f"top-1: {right} of {len(photos)} = {right / len(photos):.1%}")
    print_matrix(counts, names)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], pathlib.Path(sys.argv[2]))
