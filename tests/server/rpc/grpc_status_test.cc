#include "server/rpc/grpc_status.h"

#include <gtest/gtest.h>

#include <string>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace siskin::rpc {
namespace {

google::rpc::Status Details(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  return details;
}

TEST(GrpcStatus, OkHasNoDetails) {
  const grpc::Status status = ToGrpcStatus(absl::OkStatus(), "id");
  EXPECT_TRUE(status.ok());
  EXPECT_TRUE(status.error_details().empty());
}

TEST(GrpcStatus, EveryCodeKeepsItsNumberAndNamesItsReason) {
  const struct {
    absl::StatusCode code;
    grpc::StatusCode expected;
    const char* reason;
    int64_t retry_ms;  // 0: no RetryInfo
  } rows[] = {
      {absl::StatusCode::kCancelled, grpc::StatusCode::CANCELLED, "CANCELLED", 0},
      {absl::StatusCode::kUnknown, grpc::StatusCode::UNKNOWN, "UNKNOWN", 0},
      {absl::StatusCode::kInvalidArgument, grpc::StatusCode::INVALID_ARGUMENT, "INVALID_ARGUMENT",
       0},
      {absl::StatusCode::kDeadlineExceeded, grpc::StatusCode::DEADLINE_EXCEEDED,
       "DEADLINE_EXCEEDED", 0},
      {absl::StatusCode::kNotFound, grpc::StatusCode::NOT_FOUND, "NOT_FOUND", 0},
      {absl::StatusCode::kResourceExhausted, grpc::StatusCode::RESOURCE_EXHAUSTED,
       "RESOURCE_EXHAUSTED", 100},
      {absl::StatusCode::kFailedPrecondition, grpc::StatusCode::FAILED_PRECONDITION,
       "FAILED_PRECONDITION", 0},
      {absl::StatusCode::kInternal, grpc::StatusCode::INTERNAL, "INTERNAL", 0},
      {absl::StatusCode::kUnavailable, grpc::StatusCode::UNAVAILABLE, "UNAVAILABLE", 1000},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.reason);
    const grpc::Status status = ToGrpcStatus(absl::Status(row.code, "what happened"), "id");
    EXPECT_EQ(status.error_code(), row.expected);
    EXPECT_EQ(status.error_message(), "what happened");

    const google::rpc::Status details = Details(status);
    EXPECT_EQ(details.code(), static_cast<int>(row.expected));
    EXPECT_EQ(details.message(), "what happened");
    ASSERT_EQ(details.details_size(), row.retry_ms == 0 ? 1 : 2);
    google::rpc::ErrorInfo info;
    ASSERT_TRUE(details.details(0).UnpackTo(&info));
    EXPECT_EQ(info.reason(), row.reason);
    EXPECT_EQ(info.domain(), "siskin");
    if (row.retry_ms != 0) {
      google::rpc::RetryInfo retry;
      ASSERT_TRUE(details.details(1).UnpackTo(&retry));
      EXPECT_EQ(retry.retry_delay().seconds() * 1000 + retry.retry_delay().nanos() / 1'000'000,
                row.retry_ms);
    }
  }
}

TEST(CutMessage, KeepsWhatFits) {
  const std::string fits(kMaxMessageBytes, 'x');
  EXPECT_EQ(CutMessage(fits), fits);
  EXPECT_EQ(CutMessage(""), "");
}

TEST(CutMessage, CutsAtTheEndOfACharacter) {
  const std::string euro = "\xE2\x82\xAC";
  // Every offset of the cut relative to the three bytes of a character.
  for (size_t shift = 0; shift < 3; ++shift) {
    std::string message(shift, 'x');
    while (message.size() <= kMaxMessageBytes) message += euro;
    const std::string cut = CutMessage(message);
    EXPECT_LE(cut.size(), kMaxMessageBytes);
    EXPECT_GT(cut.size(), kMaxMessageBytes - euro.size());
    ASSERT_TRUE(cut.ends_with("..."));
    EXPECT_EQ((cut.size() - 3 - shift) % euro.size(), 0u) << "half a character is left";
  }
}

}  // namespace
}  // namespace siskin::rpc
