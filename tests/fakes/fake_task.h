// A task that only remembers how it ended.
#ifndef SISKIN_TESTS_FAKES_FAKE_TASK_H_
#define SISKIN_TESTS_FAKES_FAKE_TASK_H_

#include <atomic>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "server/batching/task.h"

namespace siskin::testing {

// Outlives the task. Read `status` only once `ends` says that the task has ended.
struct TaskEnd {
  std::atomic<int> ends{0};
  absl::Status status = absl::UnknownError("not ended");
};

class FakeTask : public batching::Task {
 public:
  explicit FakeTask(TaskEnd& end, MonotonicTime deadline = MonotonicTime::InfiniteFuture(),
                    std::shared_ptr<const batching::CancelFlag> cancel = nullptr)
      : Task(deadline, std::move(cancel)), end_(end) {}

  void Run() { End(absl::OkStatus()); }
  void Fail(const absl::Status& status) override { End(status); }
  const TaskEnd& end() const { return end_; }

 private:
  void End(absl::Status status) {
    end_.status = std::move(status);
    end_.ends.fetch_add(1);
  }

  TaskEnd& end_;
};

}  // namespace siskin::testing

#endif  // SISKIN_TESTS_FAKES_FAKE_TASK_H_
