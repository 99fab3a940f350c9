// The blocks of Triton and of TensorFlow Serving in model.textproto.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/repository/model_config.h"

namespace siskin::repository {
namespace {

using batching::LevelPolicy;
using batching::QueueOptions;
using batching::TimeoutAction;
using ::testing::ElementsAre;

QueueOptions Options(const std::string& text) {
  const auto config = ParseModelConfig("m", text);
  EXPECT_TRUE(config.ok()) << config.status();
  return config.ok() ? batching::Resolve(config->queue, {}) : QueueOptions();
}

TEST(DynamicBatchingTest, AnEmptyBlockBatchesWhatIsThere) {
  const QueueOptions options = Options("dynamic_batching { }");
  EXPECT_EQ(options.limits.max_delay, absl::ZeroDuration());
  EXPECT_EQ(options.limits.max_batch_size, 8);
  EXPECT_THAT(options.limits.preferred_batch_sizes, ElementsAre());
  EXPECT_EQ(options.capacity, 65536);
  EXPECT_EQ(options.target_delay, absl::InfiniteDuration());
  EXPECT_FALSE(options.in_order);
  ASSERT_TRUE(options.priorities.has_value());
  ASSERT_EQ(options.priorities->levels.size(), 1u);
  EXPECT_EQ(options.priorities->levels[0].default_timeout, absl::InfiniteDuration());
  EXPECT_EQ(options.priorities->levels[0].max_queue_size, 0);
  EXPECT_TRUE(batching::CheckOptions(options).ok());
}

TEST(DynamicBatchingTest, EveryFieldArrives) {
  const QueueOptions options = Options(R"pb(
    batching { max_batch_size: 16 weight: 2 target_delay_microseconds: 7000 }
    dynamic_batching {
      preferred_batch_size: [ 8, 4, 8 ]
      max_queue_delay_microseconds: 100
      priority_levels: 3
      default_priority_level: 2
      default_queue_policy {
        timeout_action: DELAY
        default_timeout_microseconds: 3000
        allow_timeout_override: true
        max_queue_size: 16
      }
      priority_queue_policy {
        key: 3
        value { timeout_action: REJECT default_timeout_microseconds: 500 max_queue_size: 2 }
      }
    })pb");
  EXPECT_EQ(options.limits.max_batch_size, 16);
  EXPECT_EQ(options.weight, 2);
  EXPECT_EQ(options.target_delay, absl::Milliseconds(7));
  EXPECT_EQ(options.limits.max_delay, absl::Microseconds(100));
  EXPECT_THAT(options.limits.preferred_batch_sizes, ElementsAre(4, 8));
  EXPECT_EQ(options.capacity, 16 + 16 + 2);
  EXPECT_EQ(options.priorities->default_level, 2);
  const std::vector<LevelPolicy>& levels = options.priorities->levels;
  ASSERT_EQ(levels.size(), 3u);
  for (const int level : {0, 1}) {
    EXPECT_EQ(levels[level].timeout_action, TimeoutAction::kDelay);
    EXPECT_EQ(levels[level].default_timeout, absl::Milliseconds(3));
    EXPECT_TRUE(levels[level].allow_timeout_override);
    EXPECT_EQ(levels[level].max_queue_size, 16);
  }
  EXPECT_EQ(levels[2].timeout_action, TimeoutAction::kReject);
  EXPECT_EQ(levels[2].default_timeout, absl::Microseconds(500));
  EXPECT_FALSE(levels[2].allow_timeout_override);
  EXPECT_EQ(levels[2].max_queue_size, 2);
  EXPECT_TRUE(batching::CheckOptions(options).ok());
}

TEST(DynamicBatchingTest, TheQueueIsAsLargeAsItsLevels) {
  EXPECT_EQ(Options("dynamic_batching { default_queue_policy { max_queue_size: 2 } }").capacity, 2);
  EXPECT_EQ(Options("dynamic_batching { priority_levels: 2 default_priority_level: 1 "
                    "default_queue_policy { max_queue_size: 40000 } }")
                .capacity,
            65536);
  EXPECT_EQ(Options("batching { queue_capacity: 9 } dynamic_batching { }").capacity, 9);
}

TEST(DynamicBatchingTest, OrderIsKeptWhereNothingElseChangesIt) {
  EXPECT_TRUE(Options("dynamic_batching { preserve_ordering: true priority_levels: 1 "
                      "default_priority_level: 1 default_queue_policy { timeout_action: DELAY } }")
                  .in_order);
}

TEST(BatchingParametersTest, AnEmptyBlockBatchesWhatIsThere) {
  const QueueOptions options = Options("batching_parameters { }");
  EXPECT_EQ(options.limits.max_delay, absl::ZeroDuration());
  EXPECT_EQ(options.limits.max_batch_size, 8);
  EXPECT_EQ(options.capacity, 256);
  EXPECT_EQ(options.target_delay, absl::InfiniteDuration());
  EXPECT_TRUE(options.priorities.has_value());
  EXPECT_TRUE(batching::CheckOptions(options).ok());
}

// The example of TensorFlow Serving's documentation, with sizes of this server.
TEST(BatchingParametersTest, EveryFieldArrives) {
  const char* text = R"pb(
    batching_parameters {
      max_batch_size { value: 128 }
      batch_timeout_micros { value: 2000 }
      max_enqueued_batches { value: 4 }
      num_batch_threads { value: 8 }
      allowed_batch_sizes: [ 8, 32, 128 ]
      pad_variable_length_inputs: false
      enable_large_batch_splitting { value: true }
    })pb";
  const QueueOptions options = Options(text);
  EXPECT_EQ(options.limits.max_batch_size, 128);
  EXPECT_EQ(options.limits.max_delay, absl::Milliseconds(2));
  EXPECT_THAT(options.limits.preferred_batch_sizes, ElementsAre());
  EXPECT_EQ(options.capacity, 4 * 128);
  EXPECT_EQ(ParseModelConfig("m", text)->queue.num_batch_threads, 8);
}

TEST(BatchingParametersTest, TheBatchThatRunsMayBeSmallerThanARequest) {
  const QueueOptions options = Options(R"pb(
    batching_parameters {
      max_batch_size { value: 1000 }
      max_execution_batch_size { value: 16 }
      enable_large_batch_splitting { value: true }
      allowed_batch_sizes: [ 4, 16 ]
      max_enqueued_batches { value: 1000000 }
    })pb");
  EXPECT_EQ(options.limits.max_batch_size, 16);
  EXPECT_EQ(options.capacity, 65536);
}

TEST(BatchingParametersTest, BatchingMayStateTheRest) {
  const QueueOptions options = Options(
      "batching { max_batch_size: 4 queue_capacity: 12 target_delay_microseconds: 9000 } "
      "batching_parameters { batch_timeout_micros { value: 5 } allowed_batch_sizes: 4 }");
  EXPECT_EQ(options.limits.max_batch_size, 4);
  EXPECT_EQ(options.limits.max_delay, absl::Microseconds(5));
  EXPECT_EQ(options.capacity, 12);
  EXPECT_EQ(options.target_delay, absl::Milliseconds(9));
}

struct BadBlock {
  const char* text;
  const char* message;  // after the path
};

class BadBlockTest : public ::testing::TestWithParam<BadBlock> {};

TEST_P(BadBlockTest, IsRefusedWithItsPlace) {
  const absl::Status status = ParseModelConfig("m", GetParam().text).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << GetParam().text << status;
  EXPECT_THAT(std::string(status.message()),
              ::testing::StartsWith(std::string("m") + GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Triton, BadBlockTest,
    ::testing::Values(
        BadBlock{"dynamic_batching { eager_batching: true }", ":1:34: Message type"},
        BadBlock{"dynamic_batching { preferred_batch_size: 16 }",
                 ":1:20: \"preferred_batch_size\" is out of range: expected preferred batch sizes "
                 "that ascend, from 1 to the largest batch of 8; got 16"},
        BadBlock{"dynamic_batching { preferred_batch_size: -1 }",
                 ":1:20: \"preferred_batch_size\""},
        BadBlock{"dynamic_batching { max_queue_delay_microseconds: 1000001 }",
                 ":1:20: \"max_queue_delay_microseconds\" is 1000001; expected 0 to 1000000"},
        BadBlock{"dynamic_batching { priority_levels: 101 default_priority_level: 1 }",
                 ":1:20: \"priority_levels\" is 101; expected 0 to 100"},
        BadBlock{"dynamic_batching { priority_levels: 2 }",
                 ":1:1: \"default_priority_level\" is 0; expected 1 to 2"},
        BadBlock{"dynamic_batching { priority_levels: 2 default_priority_level: 3 }",
                 ":1:39: \"default_priority_level\" is 3; expected 1 to 2"},
        BadBlock{"dynamic_batching { default_priority_level: 1 }",
                 ":1:20: \"default_priority_level\" is 1; it needs priority_levels"},
        BadBlock{"dynamic_batching { priority_queue_policy { key: 1 } }",
                 ":1:20: \"priority_queue_policy\" is 1; it needs priority_levels"},
        BadBlock{"dynamic_batching { priority_levels: 1 default_priority_level: 1\n"
                 " priority_queue_policy { key: 2 } }",
                 ":2:2: \"priority_queue_policy\" is 2; expected 1 to 1"},
        BadBlock{"dynamic_batching { priority_levels: 1 default_priority_level: 1\n"
                 " priority_queue_policy { key: 1 value { max_queue_size: 65537 } } }",
                 ":2:2: \"max_queue_size\" is 65537; expected 0 to 65536"},
        BadBlock{"dynamic_batching {\n default_queue_policy { default_timeout_microseconds: "
                 "3600000001 } }",
                 ":2:25: \"default_timeout_microseconds\" is 3600000001; expected 0 to 3600000000"},
        BadBlock{"dynamic_batching { default_queue_policy { timeout_action: 2 } }",
                 ":1:43: \"timeout_action\" is 2, which has no meaning"},
        BadBlock{"dynamic_batching { preserve_ordering: true priority_levels: 2 "
                 "default_priority_level: 1 }",
                 ":1:20: \"preserve_ordering\" does not go with several priority_levels"},
        BadBlock{"dynamic_batching { preserve_ordering: true default_queue_policy { "
                 "timeout_action: DELAY default_timeout_microseconds: 1 } }",
                 ":1:20: \"preserve_ordering\" does not go with timeout_action: DELAY"}));

INSTANTIATE_TEST_SUITE_P(
    TensorFlow, BadBlockTest,
    ::testing::Values(
        BadBlock{"batching_parameters { max_batch_size: 8 }", ":1:39: "},
        BadBlock{"batching_parameters { max_batch_size { value: 257 } }",
                 ":1:23: \"max_batch_size\" is 257; expected 1 to 256"},
        BadBlock{"batching_parameters { batch_timeout_micros { value: -1 } }",
                 ":1:23: \"batch_timeout_micros\" is -1; expected 0 to 1000000"},
        BadBlock{"batching_parameters { max_enqueued_batches { value: 0 } }",
                 ":1:23: \"max_enqueued_batches\" is 0; expected 1 to "},
        BadBlock{"batching_parameters { num_batch_threads { value: 0 } }",
                 ":1:23: \"num_batch_threads\" is 0; expected 1 to 1024"},
        BadBlock{"batching_parameters { thread_pool_name { value: \"p\" } }",
                 ":1:23: \"thread_pool_name\" cannot be honoured: the lanes serve all models; "
                 "leave it out"},
        BadBlock{"batching_parameters { pad_variable_length_inputs: true }",
                 ":1:23: \"pad_variable_length_inputs\" cannot be honoured"},
        BadBlock{"batching_parameters { enable_large_batch_splitting { value: false } }",
                 ":1:23: \"enable_large_batch_splitting\" cannot be honoured"},
        BadBlock{"batching_parameters { allowed_batch_sizes: [4, 2, 8] }",
                 ":1:23: \"allowed_batch_sizes\" is 4, 2, 8; expected sizes that ascend to the "
                 "largest batch, 8"},
        BadBlock{"batching_parameters { allowed_batch_sizes: [2, 4] }",
                 ":1:23: \"allowed_batch_sizes\" is 2, 4;"},
        BadBlock{"batching_parameters { allowed_batch_sizes: [0, 8] }",
                 ":1:23: \"allowed_batch_sizes\" is 0, 8;"},
        BadBlock{"batching_parameters { max_execution_batch_size { value: 4 } }",
                 ":1:23: \"max_execution_batch_size\" needs enable_large_batch_splitting"},
        BadBlock{"batching_parameters { enable_large_batch_splitting { value: true } "
                 "max_batch_size { value: 8 }\n max_execution_batch_size { value: 9 } }",
                 ":2:2: \"max_execution_batch_size\" is 9; expected 1 to 8"},
        BadBlock{"batching_parameters { enable_large_batch_splitting { value: true }\n"
                 " max_execution_batch_size { value: 257 } }",
                 ":2:2: \"max_execution_batch_size\" is 257; expected 1 to 256"}));

INSTANTIATE_TEST_SUITE_P(
    Twice, BadBlockTest,
    ::testing::Values(
        BadBlock{"dynamic_batching { }\nbatching_parameters { }",
                 ":2:1: \"batching_parameters\" stands beside dynamic_batching; keep one of them"},
        BadBlock{"dynamic_batching { }\nbatching { policy: BATCH_POLICY_AUTO }",
                 ":2:12: \"policy\" is said by dynamic_batching, too; keep one of them"},
        BadBlock{"dynamic_batching { }\nbatching { max_delay_microseconds: 0 }",
                 ":2:12: \"max_delay_microseconds\" is said by dynamic_batching, too"},
        BadBlock{"dynamic_batching { }\nbatching { preferred_batch_size: 4 }",
                 ":2:12: \"preferred_batch_size\" is said by dynamic_batching, too"},
        BadBlock{"dynamic_batching { default_queue_policy { max_queue_size: 9 } }\n"
                 "batching { queue_capacity: 9 }",
                 ":2:12: \"queue_capacity\" is said by max_queue_size, too"},
        BadBlock{"batching_parameters { }\nbatching { max_delay_microseconds: 5 }",
                 ":2:12: \"max_delay_microseconds\" is said by batching_parameters, too"},
        BadBlock{"batching_parameters { max_batch_size { value: 4 } }\n"
                 "batching { max_batch_size: 4 }",
                 ":2:12: \"max_batch_size\" is said by batching_parameters, too"},
        BadBlock{"batching_parameters { max_enqueued_batches { value: 4 } }\n"
                 "batching { queue_capacity: 9 }",
                 ":2:12: \"queue_capacity\" is said by batching_parameters, too"}));

}  // namespace
}  // namespace siskin::repository
