#!/usr/bin/env python3
"""Trains the built-in clothing classifier: a teacher with ImageNet weights is tuned on the photos, then a
student learns from scratch what the teacher says and sees. See ../README.md for the command and the result.

  train.py --data DIR --teacher FILE --work DIR [--epochs N]

Continues from the last epoch in --work. The last epoch's moving average is the result: none is chosen by
its accuracy on val, which is only printed."""
import argparse
import copy
import math
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from augment import mix, random_views
from dataset import CLASSES, load_photos, normalise
from networks import Outputs, Student, Teacher

SIZE = 128         # what the networks take
STORED_SIZE = 160  # what views are cut from
BATCH = 64
SMOOTHING = 0.1


class MovingAverage:
    """Exponential moving average of weights and batch-norm statistics."""

    def __init__(self, net: nn.Module, decay: float) -> None:
        self.net = copy.deepcopy(net).eval()
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, net: nn.Module) -> None:
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))  # forgets the start quickly
        for average, value in zip(self.net.state_dict().values(), net.state_dict().values()):
            if average.is_floating_point():
                average.lerp_(value, 1 - decay)
            else:
                average.copy_(value)


class Schedule:
    """Linear warm-up, then a cosine to zero, by steps."""

    def __init__(self, optimizer: torch.optim.Optimizer, peak: float, warm_up: int, total: int) -> None:
        self.optimizer, self.peak, self.warm_up, self.total = optimizer, peak, warm_up, total

    def set(self, step: int) -> None:
        if step < self.warm_up:
            rate = self.peak * (step + 1) / self.warm_up
        else:
            rate = self.peak * 0.5 * (1 + math.cos(math.pi * (step - self.warm_up) / (self.total - self.warm_up)))
        for group in self.optimizer.param_groups:
            group["lr"] = rate


def parameter_groups(net: nn.Module, decay: float) -> list[dict]:
    """Weight decay for matrices and kernels alone."""
    matrices = [p for p in net.parameters() if p.ndim > 1]
    vectors = [p for p in net.parameters() if p.ndim <= 1]
    return [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]


def smooth_targets(labels: torch.Tensor) -> torch.Tensor:
    return F.one_hot(labels, len(CLASSES)) * (1 - SMOOTHING) + SMOOTHING / len(CLASSES)


def batches(photos: torch.Tensor, labels: torch.Tensor):
    for chosen in torch.randperm(len(photos)).split(BATCH):
        if len(chosen) == BATCH:
            views = random_views(photos[chosen], SIZE)
            images, targets = mix(normalise(views), smooth_targets(labels[chosen]))
            yield images.contiguous(memory_format=torch.channels_last), targets


@torch.no_grad()
def accuracy(net: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    net.eval()
    right = sum((net(normalise(i)).logits.argmax(1) == l).sum().item()
                for i, l in zip(images.split(BATCH), labels.split(BATCH)))
    return right / len(images)


def tune_teacher(teacher: Teacher, train, val, work: Path, epochs: int) -> None:
    path = work / "teacher.pt"
    if path.exists():
        teacher.load_state_dict(torch.load(path))
        return
    optimizer = torch.optim.AdamW([
        {"params": teacher.net.features.parameters(), "scale": 0.1},
        {"params": teacher.net.classifier.parameters(), "scale": 1.0}], weight_decay=0.02)
    total = epochs * (len(train[0]) // BATCH)
    schedule = Schedule(optimizer, 1e-3, 40, total)
    average = MovingAverage(teacher, 0.99)
    step = 0
    for epoch in range(epochs):
        start = time.monotonic()
        teacher.train()
        for images, targets in batches(*train):
            schedule.set(step)
            for group in optimizer.param_groups:
                group["lr"] *= group["scale"]
            loss = F.cross_entropy(teacher(images).logits, targets)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(teacher.parameters(), 1.0)
            optimizer.step()
            average.update(teacher)
            step += 1
        print(f"teacher {epoch + 1}/{epochs} loss {loss.item():.3f} val {accuracy(average.net, *val):.4f} "
              f"{time.monotonic() - start:.0f} s", flush=True)
    teacher.load_state_dict(average.net.state_dict())
    torch.save(teacher.state_dict(), path)


class Distillation(nn.Module):
    """What the student is asked for: the labels, the teacher's probabilities, and what the teacher sees on
    the way, each through a linear map of its own that is thrown away afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.eighth = nn.Conv2d(116, 32, 1)
        self.sixteenth = nn.Conv2d(232, 96, 1)
        self.pooled = nn.Linear(1024, 1280)

    @staticmethod
    def _distance(mine: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
        return F.mse_loss(mine, theirs) / theirs.var()

    def forward(self, student: Outputs, teacher: Outputs, targets: torch.Tensor, hints: float) -> torch.Tensor:
        temperature = 2.0
        soft = F.kl_div(F.log_softmax(student.logits / temperature, 1),
                        F.softmax(teacher.logits / temperature, 1), reduction="batchmean") * temperature**2
        hard = F.cross_entropy(student.logits, targets)
        seen = (self._distance(self.eighth(student.eighth), teacher.eighth)
                + self._distance(self.sixteenth(student.sixteenth), teacher.sixteenth))
        pooled = self._distance(self.pooled(student.pooled), teacher.pooled)
        return 0.3 * hard + soft + pooled + hints * seen


def train_student(student: Student, teacher: Teacher, train, val, work: Path, epochs: int) -> nn.Module:
    path = work / "student.pt"
    distillation = Distillation()
    both = nn.ModuleList([student, distillation])
    optimizer = torch.optim.AdamW(parameter_groups(both, 0.05))
    per_epoch = len(train[0]) // BATCH
    schedule = Schedule(optimizer, 2e-3, 2 * per_epoch, epochs * per_epoch)
    average = MovingAverage(student, 0.998)
    first = 0
    if path.exists():
        saved = torch.load(path)
        first = saved["epoch"]
        both.load_state_dict(saved["both"])
        optimizer.load_state_dict(saved["optimizer"])
        average.net.load_state_dict(saved["average"])
        average.updates = first * per_epoch
    example = torch.zeros(BATCH, 3, SIZE, SIZE).contiguous(memory_format=torch.channels_last)
    fast_teacher = torch.jit.freeze(torch.jit.trace(teacher.eval(), example))
    for epoch in range(first, epochs):
        torch.manual_seed(1000 + epoch)
        start, losses, step = time.monotonic(), 0.0, epoch * per_epoch
        student.train()
        for images, targets in batches(*train):
            schedule.set(step)
            with torch.no_grad():
                told = Outputs(*fast_teacher(images))
            loss = distillation(student(images), told, targets, hints=1 - step / schedule.total)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(both.parameters(), 5.0)
            optimizer.step()
            average.update(student)
            losses += loss.item()
            step += 1
        measured = f" val {accuracy(average.net, *val):.4f}" if (epoch + 1) % 5 == 0 else ""
        print(f"student {epoch + 1}/{epochs} loss {losses / per_epoch:.3f}{measured} "
              f"{time.monotonic() - start:.0f} s", flush=True)
        torch.save({"epoch": epoch + 1, "both": both.state_dict(), "optimizer": optimizer.state_dict(),
                    "average": average.net.state_dict()}, work / "student.tmp")
        (work / "student.tmp").rename(path)
    return average.net


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with train/<class>/*.jpg and val/")
    parser.add_argument("--teacher", type=Path, required=True, help="MobileNetV2, torchvision keys, folded")
    parser.add_argument("--work", type=Path, required=True, help="checkpoints; a later run goes on from them")
    parser.add_argument("--teacher-epochs", type=int, default=6)
    parser.add_argument("--epochs", type=int, default=35)
    arguments = parser.parse_args()
    torch.manual_seed(20240)
    torch.set_num_threads(2)
    arguments.work.mkdir(parents=True, exist_ok=True)
    train = load_photos(arguments.data / "train", STORED_SIZE)
    val = load_photos(arguments.data / "val", SIZE)
    teacher = Teacher(arguments.teacher, len(CLASSES)).to(memory_format=torch.channels_last)
    tune_teacher(teacher, train, val, arguments.work, arguments.teacher_epochs)
    student = Student(len(CLASSES)).to(memory_format=torch.channels_last)
    student = train_student(student, teacher, train, val, arguments.work, arguments.epochs)
    print(f"val top-1 {accuracy(student, *val):.4f}")
    torch.save(student.net.state_dict(), arguments.work / "result.pt")


if __name__ == "__main__":
    main()
