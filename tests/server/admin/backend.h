// What the status page asks, in this process: a registry, a queue and the pipeline, serving "tiny"
// and "faces" (tests/fakes/tiny_model.h). The tests play the lanes.
#ifndef SISKIN_TESTS_SERVER_ADMIN_BACKEND_H_
#define SISKIN_TESTS_SERVER_ADMIN_BACKEND_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "server/batching/scheduler.h"
#include "server/engine/inference_task.h"
#include "server/engine/model_registry.h"
#include "server/pipeline/admission.h"
#include "server/pipeline/inference.h"
#include "tests/fakes/tiny_model.h"

namespace siskin::admin {

class BackendTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Serve(testing::TinyModel(/*max_batch_size=*/1));
    Serve(testing::TinyFaceDetector());
  }

  // Blocks until there is a task.
  std::unique_ptr<engine::InferenceTask> TakeTask() {
    batching::Batch batch;
    EXPECT_TRUE(scheduler_.WaitForBatch(batch));
    return std::unique_ptr<engine::InferenceTask>(
        static_cast<engine::InferenceTask*>(batch.tasks.front().release()));
  }

  engine::ModelRegistry registry_;
  batching::Scheduler scheduler_;
  pipeline::Admission admission_{{}};
  pipeline::Inference inference_{registry_, admission_, pipeline::ImageLimits{}, /*max_images=*/1,
                                 /*observer=*/nullptr};

 private:
  void Serve(std::shared_ptr<const engine::LoadedModel> model) {
    const batching::QueueOptions options = {
        .limits = {.max_batch_size = 1},
        .capacity = 7,
        .costs = batching::CostModel({{1, absl::Milliseconds(4)}, {2, absl::Milliseconds(7.5)}})};
    const auto queue = scheduler_.AddQueue(options, const_cast<engine::LoadedModel*>(model.get()));
    ASSERT_TRUE(queue.ok()) << queue.status();
    const std::string name = model->name();
    ASSERT_TRUE(registry_.Declare(name, "1").ok());
    ASSERT_TRUE(registry_.Transition(name, "1", engine::ModelState::kWarming).ok());
    ASSERT_TRUE(registry_.Publish(name, "1", {.model = std::move(model), .queue = *queue}).ok());
  }
};

}  // namespace siskin::admin

#endif  // SISKIN_TESTS_SERVER_ADMIN_BACKEND_H_
