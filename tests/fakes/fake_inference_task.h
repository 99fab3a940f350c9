// An image that a test makes up, and what became of it.
#ifndef SISKIN_TESTS_FAKES_FAKE_INFERENCE_TASK_H_
#define SISKIN_TESTS_FAKES_FAKE_INFERENCE_TASK_H_

#include <atomic>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "server/engine/inference_task.h"

namespace siskin::testing {

// Outlives the task. Read the rest only once `ends` says that the task has ended.
struct InferenceEnd {
  std::atomic<int> ends{0};
  absl::Status status = absl::UnknownError("not ended");
  std::vector<float> outputs;
  engine::TaskTiming timing;
};

class FakeInferenceTask : public engine::InferenceTask {
 public:
  using Prepared = std::function<absl::Status(absl::Span<float>)>;

  FakeInferenceTask(InferenceEnd& end, Prepared prepare,
                    MonotonicTime deadline = MonotonicTime::InfiniteFuture(),
                    std::shared_ptr<const batching::CancelFlag> cancel = nullptr)
      : InferenceTask(deadline, std::move(cancel)), end_(end), prepare_(std::move(prepare)) {}

  void set_selector(engine::OutputSelector selector) { selector_ = selector; }

  absl::Status Prepare(absl::Span<float> image) override { return prepare_(image); }
  engine::OutputSelector selector() const override { return selector_; }

  void Complete(absl::Span<const float> outputs, const engine::TaskTiming& timing) override {
    end_.outputs.assign(outputs.begin(), outputs.end());
    end_.timing = timing;
    Fail(absl::OkStatus());
  }

  void Fail(const absl::Status& status) override {
    end_.status = status;
    end_.ends.fetch_add(1);
  }

 private:
  InferenceEnd& end_;
  const Prepared prepare_;
  engine::OutputSelector selector_ = engine::OutputSelector::kOutputs;
};

}  // namespace siskin::testing

#endif  // SISKIN_TESTS_FAKES_FAKE_INFERENCE_TASK_H_
