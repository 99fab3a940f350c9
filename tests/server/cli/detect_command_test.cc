#include "server/cli/remote/detect_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <sstream>
#include <string>

#include "nlohmann/json.hpp"

namespace siskin::cli {
namespace {

using ::testing::EndsWith;

DetectedFaces TwoFaces() {
  DetectedFaces answer;
  answer.width = 640;
  answer.height = 480;
  for (const float left : {10.0f, 300.25f}) {
    models::Face face = {.min = {left, 20}, .max = {left + 50, 90}, .key_points = {}, .score = .9f};
    for (size_t k = 0; k < face.key_points.size(); ++k) {
      face.key_points[k] = {left + static_cast<float>(k), 30};
    }
    answer.faces.push_back(face);
  }
  return answer;
}

Outcome Answered(const DetectedFaces& answer) {
  return {.file = "a.jpg",
          .answer = std::make_shared<DetectedFaces>(answer),
          .model = "blaze",
          .version = "2",
          .batch_size = 3,
          .total = absl::Milliseconds(7)};
}

Outcome Failed() { return {.file = "b.jpg", .status = absl::NotFoundError("no such file")}; }

template <typename Print>
std::string Printed(Print print) {
  std::ostringstream out;
  print(out);
  return out.str();
}

TEST(DetectCommandTest, OneFileIsATableOfItsFaces) {
  EXPECT_EQ(Printed([](auto& out) { PrintOutcome(Answered(TwoFaces()), out); }),
            "a.jpg: blaze version 2, 7.0 ms (queue 0.0 ms, decode 0.0 ms, compute 0.0 ms, batch of "
            "3)\n\n"
            "  score   left   top  right  bottom\n"
            "90.00 %   10.0  20.0   60.0    90.0\n"
            "90.00 %  300.2  20.0  350.2    90.0\n");
  EXPECT_THAT(Printed([&](auto& out) { PrintOutcome(Answered({}), out); }),
              EndsWith(")\n\nno face\n"));
  EXPECT_EQ(Printed([](auto& out) { PrintOutcome(Failed(), out); }),
            "b.jpg: NOT_FOUND: no such file\n");
}

TEST(DetectCommandTest, SeveralFilesAreALineEach) {
  EXPECT_EQ(Printed([](auto& out) {
              PrintOutcomes({Answered(TwoFaces()), Failed()}, DetectedFaces::Titles(), out);
            }),
            "file   faces    time  best score\n"
            "a.jpg      2  7.0 ms  90.00 %\n"
            "b.jpg      -       -  NOT_FOUND: no such file\n");
}

TEST(DetectCommandTest, JsonHasEveryNumber) {
  const auto document = nlohmann::json::parse(
      Printed([](auto& out) { PrintOutcomeJson(Answered(TwoFaces()), out); }));
  EXPECT_EQ(document["file"], "a.jpg");
  EXPECT_EQ(document["image"], (nlohmann::json{{"width", 640}, {"height", 480}}));
  ASSERT_EQ(document["faces"].size(), 2u);
  const auto& face = document["faces"][1];
  EXPECT_EQ(face["box"],
            (nlohmann::json{{"xmin", 300.25}, {"ymin", 20}, {"xmax", 350.25}, {"ymax", 90}}));
  double x = 300.25;
  for (const char* name : {"right_eye", "left_eye", "nose", "mouth", "right_ear", "left_ear"}) {
    EXPECT_EQ(face["key_points"][name], (nlohmann::json{{"x", x++}, {"y", 30}})) << name;
  }
  EXPECT_EQ(document["batch_size"], 3);
}

}  // namespace
}  // namespace siskin::cli
