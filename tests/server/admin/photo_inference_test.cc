#include "server/admin/photo_inference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "absl/time/clock.h"
#include "base/clock.h"
#include "nlohmann/json.hpp"
#include "tests/fakes/one_pixel_png.h"
#include "tests/server/admin/backend.h"

namespace siskin::admin {
namespace {

using ::siskin::testing::kOnePixelPng;
using ::siskin::testing::kTinyPixels;
using ::testing::HasSubstr;

constexpr engine::TaskTiming kTiming = {.queue = absl::Milliseconds(1),
                                        .prepare = absl::Milliseconds(2),
                                        .compute = absl::Milliseconds(3),
                                        .batch_size = 4};

class PhotoInferenceTest : public BackendTest {
 protected:
  PhotoInferenceTest() {
    registry_.AddListener(
        [this](const engine::VersionStatus& status) { metrics_->OnModelState(status); });
  }

  static PhotoQuestion Question(const std::string& model) {
    return {
        .model = model,
        .version = "",
        .photo = std::string(reinterpret_cast<const char*>(kOnePixelPng), sizeof(kOnePixelPng))};
  }

  std::future<absl::StatusOr<std::string>> Ask(const std::string& model) {
    return std::async(std::launch::async, [this, model] { return photos_.Run(Question(model)); });
  }

  const std::unique_ptr<metrics::Metrics> metrics_ = metrics::Metrics::Create({});
  PhotoInference photos_{inference_, registry_, *metrics_};
};

TEST_F(PhotoInferenceTest, AClassifierAnswersWithItsBestClasses) {
  auto answer = Ask("tiny");
  const auto task = TakeTask();
  std::vector<float> planes(3 * kTinyPixels);
  EXPECT_TRUE(task->Prepare(absl::MakeSpan(planes)).ok());
  task->Complete({0, 3, 1, 2, 0}, kTiming);
  const absl::StatusOr<std::string> text = answer.get();
  ASSERT_TRUE(text.ok()) << text.status();
  const auto json = nlohmann::json::parse(*text);
  EXPECT_EQ(json["model"], "tiny");
  EXPECT_EQ(json["version"], "1");
  EXPECT_EQ(json["random_weights"], true);
  EXPECT_EQ(json["batch_size"], 4);
  EXPECT_EQ(json["timing_ms"], nlohmann::json({{"queue", 1.0}, {"decode", 2.0}, {"compute", 3.0}}));
  ASSERT_EQ(json["classifications"].size(), 5u);
  EXPECT_EQ(json["classifications"][0]["index"], 1);
  EXPECT_EQ(json["classifications"][1]["index"], 3);
  EXPECT_GT(json["classifications"][0]["probability"], json["classifications"][1]["probability"]);
}

TEST_F(PhotoInferenceTest, AFaceDetectorAnswersWithFacesInThePhoto) {
  auto answer = Ask("faces");
  const auto task = TakeTask();
  std::vector<float> planes(3 * kTinyPixels);
  EXPECT_TRUE(task->Prepare(absl::MakeSpan(planes)).ok());
  task->Complete(siskin::testing::TinyFaceOutputs(), kTiming);
  const auto json = nlohmann::json::parse(answer.get().value());
  EXPECT_EQ(json["image"], nlohmann::json({{"width", 1}, {"height", 1}}));
  ASSERT_EQ(json["faces"].size(), 1u);
  const auto& face = json["faces"][0];
  EXPECT_NEAR(face["score"], 0.9933, 1e-4);
  EXPECT_NEAR(face["box"]["xmin"], 0.625, 1e-5);  // of a photo one pixel wide
  EXPECT_NEAR(face["box"]["xmax"], 0.875, 1e-5);
  EXPECT_EQ(face["key_points"].size(), 6u);
  EXPECT_NEAR(face["key_points"]["nose"]["x"], 0.75, 1e-5);
}

TEST_F(PhotoInferenceTest, APhotoDoesNotWaitForEver) {
  auto answer = Ask("tiny");
  const auto task = TakeTask();
  EXPECT_LE(task->deadline(), Clock::Real().Now() + PhotoInference::kTimeout);
  task->Fail(absl::DeadlineExceededError("too late"));
  EXPECT_TRUE(absl::IsDeadlineExceeded(answer.get().status()));
}

TEST_F(PhotoInferenceTest, IsAdmittedLikeARequest) {
  auto answer = Ask("tiny");
  const auto task = TakeTask();
  EXPECT_EQ(admission_.requests(), 1);
  EXPECT_EQ(admission_.bytes(), static_cast<int64_t>(sizeof(kOnePixelPng)));
  task->Fail(absl::UnavailableError("unloaded"));
  EXPECT_TRUE(absl::IsUnavailable(answer.get().status()));
  admission_.Close();
  EXPECT_TRUE(absl::IsUnavailable(photos_.Run(Question("tiny")).status()));
}

TEST_F(PhotoInferenceTest, ErrorsAreThoseOfThePipeline) {
  EXPECT_TRUE(absl::IsNotFound(photos_.Run(Question("other")).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(photos_.Run(Question("")).status()));  // which one?
  EXPECT_TRUE(absl::IsInvalidArgument(
      photos_.Run({.model = "tiny", .version = "1", .photo = "no photo"}).status()));
}

TEST_F(PhotoInferenceTest, IsCountedLikeARequest) {
  auto answer = Ask("tiny");
  TakeTask()->Complete({0, 3, 1, 2, 0}, kTiming);
  EXPECT_TRUE(answer.get().ok());
  photos_.Run({.model = "tiny", .version = "1", .photo = "no photo"}).IgnoreError();
  photos_.Run(Question("other")).IgnoreError();
  const std::string exposition = metrics_->Scrape();
  for (const char* labels :
       {"code=\"OK\",method=\"StatusPage\",model=\"tiny\",version=\"1\"} 1",
        "code=\"INVALID_ARGUMENT\",method=\"StatusPage\",model=\"tiny\",version=\"1\"} 1",
        "code=\"NOT_FOUND\",method=\"StatusPage\",model=\"\",version=\"\"} 1"}) {
    EXPECT_THAT(exposition, HasSubstr(std::string("siskin_requests_total{") + labels));
  }
  EXPECT_THAT(exposition, HasSubstr("siskin_compute_duration_seconds_count{model=\"tiny\"} 1"));
}

}  // namespace
}  // namespace siskin::admin
