#include "server/admin/server_status.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "nlohmann/json.hpp"
#include "tests/fakes/fake_task.h"
#include "tests/server/admin/backend.h"

namespace siskin::admin {
namespace {

class ServerStatusTest : public BackendTest {
 protected:
  nlohmann::json Status(bool ready = true) const {
    const ServerFacts facts = {.version = "1.2.3",
                               .onednn = "2.6",
                               .isa = "avx2",
                               .start = start_,
                               .lanes = 3,
                               .max_photo_bytes = 1000,
                               .max_in_flight = 50};
    return nlohmann::json::parse(ServerStatus(facts, registry_, ready, start_ + absl::Seconds(90)));
  }

  const MonotonicTime start_ = MonotonicTime() + absl::Hours(1);
};

TEST_F(ServerStatusTest, SaysWhatTheServerIs) {
  const auto status = Status(/*ready=*/false);
  EXPECT_EQ(status["server"], nlohmann::json({{"version", "1.2.3"},
                                              {"onednn", "2.6"},
                                              {"isa", "avx2"},
                                              {"ready", false},
                                              {"uptime_seconds", 90.0},
                                              {"lanes", 3}}));
  EXPECT_EQ(status["limits"]["max_photo_bytes"], 1000);
  EXPECT_EQ(status["limits"]["max_in_flight"], 50);
}

TEST_F(ServerStatusTest, SaysWhatIsLoaded) {
  const auto models = Status()["models"];
  ASSERT_EQ(models.size(), 2u);
  EXPECT_EQ(models[0]["name"], "faces");
  EXPECT_EQ(models[0]["task"], "face detector");
  EXPECT_FALSE(models[0].contains("classes"));
  EXPECT_EQ(models[0]["input"]["resize"], "letterboxed");
  const auto& tiny = models[1];
  EXPECT_EQ(tiny["name"], "tiny");
  EXPECT_EQ(tiny["state"], "ready");
  EXPECT_EQ(tiny["title"], "MobileNetV1");
  EXPECT_EQ(tiny["width"], 0.25);
  EXPECT_EQ(tiny["random_weights"], true);
  EXPECT_EQ(tiny["classes"], siskin::testing::kTinyClasses);
  EXPECT_EQ(tiny["labels"], false);
  EXPECT_EQ(tiny["input"]["width"], siskin::testing::kTinySide);
  EXPECT_EQ(
      tiny["batching"],
      nlohmann::json(
          {{"max_batch_size", 1}, {"policy", "auto"}, {"queue_capacity", 7}, {"weight", 1.0}}));
  EXPECT_GT(tiny["weight_bytes"], 0);
}

TEST_F(ServerStatusTest, SaysWhatTheSchedulerExpects) {
  const auto servable = registry_.Resolve("tiny", "1");
  ASSERT_TRUE(servable.ok()) << servable.status();
  EXPECT_EQ(Status()["models"][1]["predicted_wait_ms"], 0.0);
  testing::TaskEnd end;
  std::unique_ptr<batching::Task> task = std::make_unique<testing::FakeTask>(end);
  ASSERT_TRUE((*servable)->queue->Enqueue(task).ok());
  const auto tiny = Status()["models"][1];
  EXPECT_EQ(tiny["costs"], nlohmann::json::parse(
                               R"([{"batch_size": 1, "ms": 4.0}, {"batch_size": 2, "ms": 7.5}])"));
  EXPECT_EQ(tiny["predicted_wait_ms"], 4.0);
  (*servable)->queue->Observe(1, absl::Milliseconds(5));
  EXPECT_EQ(Status()["models"][1]["costs"][0]["ms"], 5.0);
  scheduler_.RemoveQueue(*(*servable)->queue);  // fails the task, which tells `end`
}

TEST_F(ServerStatusTest, SaysWhyAModelIsNotLoaded) {
  ASSERT_TRUE(registry_.Declare("broken", "7").ok());
  EXPECT_EQ(Status()["models"][0],
            nlohmann::json({{"name", "broken"}, {"version", "7"}, {"state", "loading"}}));
  ASSERT_TRUE(registry_
                  .Transition("broken", "7", engine::ModelState::kFailed,
                              absl::InvalidArgumentError("key '\xff' is not there"))
                  .ok());
  const auto broken = Status()["models"][0];
  EXPECT_EQ(broken["state"], "failed");
  EXPECT_EQ(broken["reason"], "key '\xEF\xBF\xBD' is not there");
  EXPECT_FALSE(broken.contains("title"));
}

}  // namespace
}  // namespace siskin::admin
