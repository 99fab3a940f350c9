#!/usr/bin/env python3
"""Plants bugs in the scheduler, one at a time, and says which of them the simulation finds.

Works on a copy of the sources; only `simulation_tests` is built and run. Exits with 1 unless every
bug is found, and unless the scheduler as it is passes.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
NEEDED = ["cmake", "base", "server/batching", "server/simulation", "tests/simulation", "tests/tsan"]
CMAKE_LISTS = """cmake_minimum_required(VERSION 3.25)
project(mutations VERSION 0 LANGUAGES CXX)
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(SISKIN_TEST_OPTIONS -O0)
include(cmake/dependencies.cmake)
find_package(GTest REQUIRED)
include(GoogleTest)
include(cmake/targets.cmake)
include(tests/tsan/absl_sync.cmake)
enable_testing()
add_subdirectory(base)
add_subdirectory(server/batching)
add_subdirectory(server/simulation)
add_subdirectory(tests/simulation)
"""
SCHEDULER = "server/batching/scheduler.cc"
POLICY = "server/batching/batch_policy.cc"
COSTS = "server/batching/cost_model.cc"
FOLLOW = "server/batching/cost_model.h"
FORECAST = "server/batching/forecast.cc"
TASK = "server/batching/task.h"
PRIORITIES = "server/batching/priorities.cc"

# (what is wrong, file, text, what it is replaced by)
MUTATIONS = [
    ("a queue takes one task more than its capacity", SCHEDULER,
     "exceeds(tasks_.size(), options_.capacity)", "exceeds(tasks_.size(), options_.capacity + 1)"),
    ("a queue takes one task less than its capacity", SCHEDULER,
     "exceeds(tasks_.size(), options_.capacity)", "exceeds(tasks_.size(), options_.capacity - 1)"),
    ("a level takes one task more than its size", SCHEDULER,
     "CapacityFor(tasks.front()->priority()));", "CapacityFor(tasks.front()->priority()) + 1);"),
    ("the latest deadline comes first", TASK,
     "std::make_tuple(b.level(), b.delayed(), b.turn());",
     "std::make_tuple(b.level(), b.delayed(), b.turn()) != (a.turn() != b.turn());"),
    ("overtaking has no bound", TASK,
     "turn_ = std::min(deadline_, time + max_overtaking);",
     "turn_ = std::max(deadline_, time - max_overtaking);"),
    ("cancelled tasks run", SCHEDULER,
     "if (task.cancelled() || task.deadline() <= now) return true;",
     "if (task.deadline() <= now) return true;"),
    ("tasks whose deadline has passed run", SCHEDULER,
     "if (task.cancelled() || task.deadline() <= now) return true;\n"
     "  return !task.trial() && task.deadline() < now + Need(task, costs);",
     "return task.cancelled();"),
    ("what is left until the deadline is not compared with the cost", SCHEDULER,
     "return !task.trial() && task.deadline() < now + Need(task, costs);", "return false;"),
    ("what ends exactly at its deadline is given up", SCHEDULER,
     "task.deadline() < now + Need(task, costs);", "task.deadline() <= now + Need(task, costs);"),
    ("dead tasks count as if they were alive", SCHEDULER,
     "seen < tasks.size() && alive < reach", "seen < tasks.size() && seen < reach"),
    ("the preparation of dead tasks is counted for ever", SCHEDULER,
     "      queue.prepare_cost_ -= tasks[seen]->prepare_cost();\n", ""),
    ("the preparation of what runs is counted for ever", SCHEDULER,
     "  queue->prepare_cost_ -= prepare;\n", ""),
    ("the preparation of the new task is not counted", FORECAST,
     "    ahead.prepare_batch += task.prepare_cost();\n", ""),
    ("preparation is not counted when a batch is formed", POLICY,
     "now + dispatch.size * queue.prepare + costs", "now + costs"),
    ("a full queue does not say when to retry", SCHEDULER,
     "        retry);\n  }\n", "        absl::ZeroDuration());\n  }\n"),
    ("a full level does not say when to retry", SCHEDULER,
     "return LevelFull(retry);", "return LevelFull(absl::ZeroDuration());"),
    ("retry at once", SCHEDULER,
     "std::clamp(time, absl::Milliseconds(1), kLongestRetry)",
     "std::clamp(time - time, absl::ZeroDuration(), kLongestRetry)"),
    ("a batch loses the task behind it", SCHEDULER,
     "  queue->tasks_.erase(queue->tasks_.begin(), end);",
     "  queue->tasks_.erase(queue->tasks_.begin(), end + (end != queue->tasks_.end()));"),
    ("a request loses its last image", SCHEDULER,
     "std::make_move_iterator(tasks.end()));", "std::make_move_iterator(tasks.end() - (tasks.size() > 1)));"),
    ("tasks of a removed queue are failed twice", SCHEDULER,
     "task->Fail(Removed());", "task->Fail(Removed()), task->Fail(Removed());"),
    ("tasks of a removed queue are dropped", SCHEDULER,
     "  for (const std::unique_ptr<Task>& task : orphans) task->Fail(Removed());\n", ""),
    ("a removed queue takes tasks", SCHEDULER,
     "    queue.removed_ = true;\n", ""),
    ("a draining scheduler takes tasks", SCHEDULER,
     "if (scheduler_.draining_) {", "if (false) {"),
    ("draining, tasks still wait for company", SCHEDULER,
     "  view.draining = draining_;\n", ""),
    ("a queue is shared among all lanes, busy or not", POLICY,
     "return busy <= time;", "return busy <= busy + time;"),
    ("a queue is not shared among the free lanes", POLICY,
     "return std::max(static_cast<int>(lanes), 1);", "return 1;"),
    ("batches grow though that does not pay", COSTS,
     "constexpr double kAsGood = 0.98;", "constexpr double kAsGood = 0.5;"),
    ("the smallest batch of two that are as good is not preferred", COSTS,
     "constexpr double kAsGood = 0.98;", "constexpr double kAsGood = 1.0;"),
    ("a batch may miss the deadline of its first task", POLICY,
     "  while (dispatch.size > 1 && end() > queue.earliest_deadline) {",
     "  while (false && end() > queue.earliest_deadline) {"),
    ("a promise is broken for an earlier deadline", FORECAST,
     "        outcome.others_late = late;\n", ""),
    ("a prediction does not count the tasks ahead", FORECAST,
     "    ahead.tasks = static_cast<int64_t>(i);\n", ""),
    ("a prediction does not count running batches", SCHEDULER,
     "std::max(-late, absl::ZeroDuration())", "absl::ZeroDuration()"),
    ("work is predicted to end as if on one lane more", FORECAST,
     "return level + amount / static_cast<int64_t>(free_in.size());",
     "return level + amount / static_cast<int64_t>(free_in.size() + 1);"),
    ("a prediction does not count other models", FORECAST,
     "total += std::min(other.backlog, own * other.weight + other.batch);", ""),
    ("a prediction does not count the batch itself", FORECAST,
     " + ahead.prepare_batch + costs_.Cost(batch)", " + ahead.prepare_batch"),
    ("a prediction does not count the preparation of the tasks ahead", FORECAST,
     "    ahead.prepare += task.prepare_cost();\n", ""),
    ("a lane that has ended still counts as busy", SCHEDULER,
     "    lanes_[lane].busy = false;\n    next_due", "    next_due"),
    ("overload without deadlines is not seen", SCHEDULER,
     "queue.standing_ = queue.smallest_wait_ > (queue.standing_ ? target / 2 : target);",
     "queue.standing_ = false;"),
    ("overload without deadlines is forgotten as soon as the delay is at its target", SCHEDULER,
     "(queue.standing_ ? target / 2 : target)", "target"),
    ("stalled lanes are counted on", SCHEDULER,
     "    if (stalled) continue;\n", "    if (stalled && late < kStall) continue;\n"),
    ("costs that keep everything out are never tried", SCHEDULER,
     "queue.tasks_.empty() && queue.next_trial_ <= now", "false"),
    ("costs that keep everything out are tried all the time", SCHEDULER,
     "queue.tasks_.empty() && queue.next_trial_ <= now", "queue.tasks_.empty()"),
    ("a trial is given up", SCHEDULER,
     "    for (const std::unique_ptr<Task>& task : tasks) task->set_trial();\n", ""),
    ("a deadline that cannot be kept counts as overload", SCHEDULER,
     "if (late_alone <= absl::ZeroDuration()) {", "if (true) {"),
    ("batch sizes that are not run are forgotten", COSTS,
     "* slowdown - costs_[i].cost) * kProportion", "* slowdown - costs_[i].cost) * 0"),
    ("batches are as large as if there were no other models", SCHEDULER,
     "  view.shared = IsShared(queue, now);\n", ""),
    ("batches stay small for ever for the sake of other models", SCHEDULER,
     "other->asked_ >= recently", "true"),
    ("weights are ignored", SCHEDULER,
     "queue->served_ += cost / queue->options_.weight;", "queue->served_ += cost;"),
    ("preparation is not lane time", SCHEDULER,
     "queue->served_ += cost / queue->options_.weight;",
     "queue->served_ += (cost - prepare) / queue->options_.weight;"),
    ("a model that was idle catches up", SCHEDULER,
     "  if (queue.tasks_.empty()) queue.served_ = std::max(queue.served_, virtual_time_);\n", ""),
    ("the model served most comes first", POLICY,
     "turn(i) < turn(choice->queue)", "turn(i) > turn(choice->queue)"),
    ("a lane looks again too late", POLICY,
     "wait.time = std::min(wait.time, until->time);", "wait.time = until->time;"),
    ("a delay is twice as long", POLICY,
     "const MonotonicTime due = queue.oldest_enqueued + delay;",
     "const MonotonicTime due = queue.oldest_enqueued + 2 * delay;"),
    ("a delay reaches a deadline", POLICY,
     "  if (queue.earliest_deadline <= due) return Dispatch{queue.size, CloseReason::kDeadline};\n",
     ""),
    ("preferred sizes are not looked at", POLICY,
     "    if (preferred > 0) return Dispatch{preferred, CloseReason::kFull};\n", ""),
    ("preferred sizes hold when the delay is over", POLICY,
     "if (!queue.draining && (!over || delay == absl::ZeroDuration())) {",
     "if (!queue.draining) {"),
    ("the smallest preferred size is taken", POLICY,
     "return above == preferred.begin() ? 0 : *std::prev(above);",
     "return above == preferred.begin() ? 0 : preferred.front();"),
    ("the fixed policy without a delay batches as auto does", POLICY,
     "if (queue.limits->automatic()) return",
     "if (queue.limits->max_delay.value_or(absl::ZeroDuration()) <= absl::ZeroDuration()) return"),
    ("a delayed batch exceeds the limit", POLICY,
     "    return Dispatch{limits.max_batch_size, CloseReason::kFull};",
     "    return Dispatch{queue.size, CloseReason::kFull};"),
    ("levels are ignored", TASK,
     "std::make_tuple(a.level(), a.delayed(), a.turn()) <\n"
     "         std::make_tuple(b.level(), b.delayed(), b.turn());",
     "std::make_tuple(a.delayed(), a.turn()) <\n         std::make_tuple(b.delayed(), b.turn());"),
    ("what is delayed keeps its place", TASK,
     "std::make_tuple(a.level(), a.delayed(), a.turn()) <\n"
     "         std::make_tuple(b.level(), b.delayed(), b.turn());",
     "std::make_tuple(a.level(), a.turn()) <\n         std::make_tuple(b.level(), b.turn());"),
    ("a priority beyond the levels is the lowest", PRIORITIES,
     "if (priority == 0 || priority > priorities.levels.size()) return priorities.default_level;",
     "if (priority == 0) return priorities.default_level;\n"
     "  priority = std::min<uint64_t>(priority, priorities.levels.size());"),
    ("timeouts are ignored", PRIORITIES,
     "    if (task->expires() >= now) continue;\n",
     "    if (task->expires() >= now || true) continue;\n"),
    ("any timeout may be overridden", PRIORITIES,
     "if (NeverExpires(policy) || !policy.allow_timeout_override) return",
     "if (NeverExpires(policy)) return"),
    ("a timeout may be prolonged", PRIORITIES,
     "return std::min(policy.default_timeout, requested);",
     "return requested;"),
    ("what is delayed is rejected", PRIORITIES,
     "timeout_action == TimeoutAction::kReject",
     "timeout_action >= TimeoutAction::kReject"),
    ("levels have no size", SCHEDULER,
     "if (!options_.priorities.has_value()) return false;",
     "return false;"),
    ("a wait for company reaches a timeout", SCHEDULER,
     "queue.tasks_[i]->deadline(), queue.tasks_[i]->expires()});",
     "queue.tasks_[i]->deadline()});"),
    ("the preparation of what has expired is counted for ever", SCHEDULER,
     "    for (size_t i = before; i < dead.size(); ++i) queue.prepare_cost_ -= dead[i]->prepare_cost();\n",
     "    (void)before;\n"),
    ("deadlines overtake in a queue that keeps its order", SCHEDULER,
     "options_.in_order ? absl::ZeroDuration() : kMaxOvertaking",
     "kMaxOvertaking"),
    ("a burst counts as overload", SCHEDULER,
     "if (!queue.standing_ || outcome.wait <= target)", "if (outcome.wait <= target)"),
    ("one slow batch moves an estimate all the way", FOLLOW,
     "std::min(measured, estimate * kLargestRise)", "measured"),
    ("fast batches are not learned from", FOLLOW,
     "estimate - (estimate - measured) * (outdated ? 1.0 / 2 : 1.0 / 16)", "estimate"),
]


def run(command, **kwargs):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **kwargs)


class Copy:
    """The sources that the simulation needs, where they may be broken."""

    def __init__(self, folder, jobs):
        self.folder = pathlib.Path(folder)
        self.build_folder = self.folder / "build"
        self.jobs = jobs
        for needed in NEEDED:
            shutil.copytree(SOURCE / needed, self.folder / needed)
        (self.folder / "CMakeLists.txt").write_text(CMAKE_LISTS)
        targets = self.folder / "cmake/targets.cmake"
        targets.write_text(targets.read_text().replace("-Werror", ""))  # bugs leave things unused
        configured = run(["cmake", "-G", "Ninja", "-S", self.folder, "-B", self.build_folder,
                          "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS_RELEASE=-O1",
                          "-DSISKIN_PRECOMPILE=ON", *launcher()])
        if configured.returncode != 0:
            sys.exit(configured.stdout)

    def test(self, schedules):
        """Builds and runs: (passed, first line of what failed)."""
        built = run(["ninja", "-C", self.build_folder, f"-j{self.jobs}", "simulation_tests"])
        if built.returncode != 0:
            sys.exit(built.stdout)
        try:
            tested = run([self.build_folder / "bin/simulation_tests", "--gtest_fail_fast"],
                         env={**os.environ, "SISKIN_SCHEDULES": str(schedules)}, timeout=600)
        except subprocess.TimeoutExpired:
            return False, "does not end"
        if tested.returncode < 0:
            return False, f"ends by signal {-tested.returncode}"
        return tested.returncode == 0, symptom(tested.stdout)


def launcher():
    ccache = shutil.which("ccache")
    return [f"-DCMAKE_CXX_COMPILER_LAUNCHER={ccache}"] if ccache else []


def symptom(output):
    for line in output.splitlines():
        if line.startswith("seed ") or "violation()" in line or line.startswith("Expected: "):
            return line
    return ""


def plant(copy, file, old, new):
    """Returns how to undo it."""
    path = copy.folder / file
    text = path.read_text()
    if text.count(old) != 1:
        sys.exit(f"{file} has {text.count(old)} times, not once: {old}")
    path.write_text(text.replace(old, new))
    return lambda: path.write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schedules", type=int, default=20_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="bugs that have this in their description")
    arguments = parser.parse_args()
    missed = []
    with tempfile.TemporaryDirectory(prefix="siskin-mutations-") as folder:
        copy = Copy(folder, arguments.jobs)
        passed, what = copy.test(arguments.schedules)
        if not passed:
            sys.exit(f"without a planted bug: {what}")
        chosen = [m for m in MUTATIONS if arguments.only in m[0]]
        for description, file, old, new in chosen:
            undo = plant(copy, file, old, new)
            passed, what = copy.test(arguments.schedules)
            undo()
            print(f"{'MISSED' if passed else 'found'}  {description}: {what[:160]}", flush=True)
            if passed:
                missed.append(description)
    print(f"{len(chosen) - len(missed)} of {len(chosen)} planted bugs found")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
