#include "server/batching/priorities.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace siskin::batching {
namespace {

constexpr absl::Duration kNone = absl::InfiniteDuration();
const absl::Duration kMs = absl::Milliseconds(1);

TEST(LevelOfTest, IsTheOneAskedForOrTheDefault) {
  const Priorities priorities = {.levels = std::vector<LevelPolicy>(3), .default_level = 2};
  EXPECT_EQ(LevelOf(priorities, 0), 2);
  EXPECT_EQ(LevelOf(priorities, 1), 1);
  EXPECT_EQ(LevelOf(priorities, 3), 3);
  EXPECT_EQ(LevelOf(priorities, 4), 2);
  EXPECT_EQ(LevelOf(priorities, UINT64_MAX), 2);
}

TEST(TimeoutOfTest, IsOverriddenOnlyWhereAllowedAndShorter) {
  const struct {
    absl::Duration by_default;
    bool allowed;
    absl::Duration requested;
    absl::Duration timeout;
  } cases[] = {{kNone, false, kNone, kNone},      {kNone, false, kMs, kNone},
               {kNone, true, kMs, kNone},         {2 * kMs, false, kNone, 2 * kMs},
               {2 * kMs, false, kMs, 2 * kMs},    {2 * kMs, true, kMs, kMs},
               {2 * kMs, true, 3 * kMs, 2 * kMs}, {2 * kMs, true, kNone, 2 * kMs}};
  for (const auto& c : cases) {
    const LevelPolicy policy = {.default_timeout = c.by_default,
                                .allow_timeout_override = c.allowed};
    EXPECT_EQ(TimeoutOf(policy, c.requested), c.timeout) << c.by_default << c.requested;
  }
}

TEST(CheckPrioritiesTest, SaysWhatIsOutOfRange) {
  EXPECT_TRUE(CheckPriorities({}).ok());
  EXPECT_TRUE(
      CheckPriorities({.levels = std::vector<LevelPolicy>(100), .default_level = 100}).ok());
  const std::pair<Priorities, std::string> wrong[] = {
      {{.levels = {}}, "expected 1 to 100 priority levels, got 0"},
      {{.levels = std::vector<LevelPolicy>(101)}, "expected 1 to 100 priority levels, got 101"},
      {{.default_level = 0}, "expected a default priority level of 1 to 1, got 0"},
      {{.default_level = 2}, "expected a default priority level of 1 to 1, got 2"},
      {{.levels = {{.default_timeout = absl::ZeroDuration()}}},
       "expected a timeout above 0, got 0"},
      {{.levels = {{}, {.max_queue_size = -1}}}, "expected a queue size of 0 or more, got -1"}};
  for (const auto& [priorities, message] : wrong) {
    const absl::Status status = CheckPriorities(priorities);
    EXPECT_TRUE(absl::IsInvalidArgument(status));
    EXPECT_EQ(std::string(status.message()), message);
  }
}

}  // namespace
}  // namespace siskin::batching
