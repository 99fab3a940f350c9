#include "base/rejection.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace siskin {
namespace {

TEST(RejectionTest, EveryReasonHasANameOfItsOwn) {
  std::set<std::string> names;
  for (const Rejection reason : kAllRejections) names.insert(ToString(reason));
  EXPECT_EQ(names.size(), kAllRejections.size());
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(RejectionTest, TheListIsInTheOrderOfTheValues) {
  for (size_t i = 0; i < kAllRejections.size(); ++i) {
    EXPECT_EQ(static_cast<size_t>(kAllRejections[i]), i);
  }
}

TEST(RejectionTest, AStatusKeepsItsReason) {
  const struct {
    Rejection reason;
    absl::StatusCode code;
  } kCases[] = {{Rejection::kQueueFull, absl::StatusCode::kResourceExhausted},
                {Rejection::kOverload, absl::StatusCode::kResourceExhausted},
                {Rejection::kPayloadBytes, absl::StatusCode::kResourceExhausted},
                {Rejection::kDraining, absl::StatusCode::kUnavailable},
                {Rejection::kDeadline, absl::StatusCode::kDeadlineExceeded},
                {Rejection::kCancelled, absl::StatusCode::kCancelled},
                {Rejection::kInvalidArgument, absl::StatusCode::kInvalidArgument}};
  for (const auto& c : kCases) {
    const absl::Status status = Reject(c.reason, "why");
    EXPECT_EQ(status.code(), c.code);
    EXPECT_EQ(status.message(), "why");
    EXPECT_EQ(RejectionOf(status), c.reason) << ToString(c.reason);
  }
}

TEST(RejectionTest, ACodeThatLeavesNoChoiceNeedsNoMark) {
  EXPECT_EQ(RejectionOf(absl::InvalidArgumentError("")), Rejection::kInvalidArgument);
  EXPECT_EQ(RejectionOf(absl::NotFoundError("")), Rejection::kNotReady);
  EXPECT_EQ(RejectionOf(absl::FailedPreconditionError("")), Rejection::kNotReady);
}

TEST(RejectionTest, OtherStatusesAreNoRejections) {
  EXPECT_EQ(RejectionOf(absl::OkStatus()), std::nullopt);
  EXPECT_EQ(RejectionOf(absl::InternalError("")), std::nullopt);
  EXPECT_EQ(RejectionOf(absl::ResourceExhaustedError("by somebody else")), std::nullopt);
}

TEST(RejectionTest, AnotherCodeKeepsTheReason) {
  const absl::Status status = RejectAs(
      absl::StatusCode::kUnavailable, Reject(Rejection::kQueueFull, "full", absl::Milliseconds(3)));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(std::string(status.message()), "full");
  EXPECT_EQ(RejectionOf(status), Rejection::kQueueFull);
  EXPECT_EQ(RetryAfterOf(status), absl::Milliseconds(3));
}

}  // namespace
}  // namespace siskin
