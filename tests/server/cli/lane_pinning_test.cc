#include "server/app/lane_pinning.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace siskin::app {
namespace {

const CpuBudget kFourCpus = {.cpus = {2, 3, 6, 7}};
const CpuBudget kUnderAQuota = {.cpus = {2, 3, 6, 7}, .quota = 4};
const CpuBudget kUnknown = {};

struct Case {
  std::string name;
  Pinning pinning;
  CpuBudget budget;
  int lanes;
  std::vector<int> cpus;
  std::string reason;
};

class LanePinningTest : public ::testing::TestWithParam<Case> {};

TEST_P(LanePinningTest, Says) {
  const Case& c = GetParam();
  const auto pinning = PinLanes(c.pinning, c.budget, c.lanes);
  ASSERT_TRUE(pinning.ok()) << pinning.status();
  EXPECT_EQ(pinning->cpus, c.cpus);
  EXPECT_EQ(pinning->reason, c.reason);
}

const Case kCases[] = {
    {"AllCpusAreOurs", Pinning::kAuto, kFourCpus, 4, {}, "not pinned"},
    {"TheKernelDoesNotTell", Pinning::kAuto, kUnknown, 1, {}, "not pinned"},
    {"ToldTo", Pinning::kOn, kFourCpus, 4, {2, 3, 6, 7}, "pinned, as told"},
    {"ToldToWithFewerLanes", Pinning::kOn, kFourCpus, 1, {2, 3, 6, 7}, "pinned, as told"},
    {"ToldToUnderAQuota", Pinning::kOn, kUnderAQuota, 4, {2, 3, 6, 7}, "pinned, as told"},
    {"ToldNotTo", Pinning::kOff, kFourCpus, 4, {}, "not pinned, as told"},
    {"ToldNotToWhereNothingIsKnown", Pinning::kOff, kUnknown, 4, {}, "not pinned, as told"},
};

INSTANTIATE_TEST_SUITE_P(Table, LanePinningTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

TEST(PinLanesTest, WhatCannotBeDoneIsAnError) {
  const absl::Status many = PinLanes(Pinning::kOn, kFourCpus, 5).status();
  EXPECT_EQ(many.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(many.message()),
            "expected at most 4 lanes to pin, one a cpu, got 5; take fewer lanes, or pin none");
  EXPECT_EQ(PinLanes(Pinning::kOn, kUnknown, 1).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace siskin::app
