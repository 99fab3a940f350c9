#include "server/rpc/health_reporter.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpcpp/client_context.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace siskin::rpc {
namespace {

using grpc::health::v1::HealthCheckResponse;

class HealthReporterTest : public RpcTest {
 protected:
  void SetUp() override {
    RpcTest::SetUp();
    stub_ = grpc::health::v1::Health::NewStub(Connect());
  }

  HealthCheckResponse::ServingStatus Check(const std::string& service) {
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(service);
    HealthCheckResponse response;
    EXPECT_TRUE(stub_->Check(&context, request, &response).ok()) << service;
    return response.status();
  }

  std::unique_ptr<grpc::health::v1::Health::Stub> stub_;
};

TEST_F(HealthReporterTest, EveryNameIsServing) {
  for (const char* name : {"", "liveness", "readiness", "tiny"}) {
    EXPECT_EQ(Check(name), HealthCheckResponse::SERVING) << name;
  }
}

TEST_F(HealthReporterTest, UnknownNamesAreNotFound) {
  grpc::ClientContext context;
  grpc::health::v1::HealthCheckRequest request;
  request.set_service("nobody");
  HealthCheckResponse response;
  EXPECT_EQ(stub_->Check(&context, request, &response).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(HealthReporterTest, AModelThatLoadsHoldsUpReadinessOnly) {
  ASSERT_TRUE(registry_.Declare("second", "1").ok());
  EXPECT_EQ(Check("second"), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(Check("readiness"), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(Check(""), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(Check("tiny"), HealthCheckResponse::SERVING);
  EXPECT_EQ(Check("liveness"), HealthCheckResponse::SERVING);
  EXPECT_FALSE(health_.ready());

  ASSERT_TRUE(registry_.Transition("second", "1", engine::ModelState::kWarming).ok());
  ASSERT_TRUE(registry_.Publish("second", "1", {.model = model_, .queue = queue_}).ok());
  EXPECT_EQ(Check("second"), HealthCheckResponse::SERVING);
  EXPECT_EQ(Check("readiness"), HealthCheckResponse::SERVING);
  EXPECT_TRUE(health_.ready());
}

TEST_F(HealthReporterTest, AModelServesWhileOneVersionDoes) {
  ASSERT_TRUE(registry_.Declare("tiny", "2").ok());
  ASSERT_TRUE(registry_
                  .Transition("tiny", "2", engine::ModelState::kFailed,
                              absl::InvalidArgumentError("bad weights"))
                  .ok());
  EXPECT_EQ(Check("tiny"), HealthCheckResponse::SERVING);
  ASSERT_TRUE(registry_.Transition("tiny", "1", engine::ModelState::kDraining).ok());
  EXPECT_EQ(Check("tiny"), HealthCheckResponse::NOT_SERVING);
}

TEST_F(HealthReporterTest, AModelCannotPretendToBeTheServer) {
  ASSERT_TRUE(registry_.Declare("liveness", "1").ok());
  EXPECT_EQ(Check("liveness"), HealthCheckResponse::SERVING);
}

TEST_F(HealthReporterTest, DrainingTurnsEverythingButLivenessOff) {
  health_.SetDraining();
  for (const char* name : {"", "readiness", "tiny"}) {
    EXPECT_EQ(Check(name), HealthCheckResponse::NOT_SERVING) << name;
  }
  EXPECT_EQ(Check("liveness"), HealthCheckResponse::SERVING);
}

TEST_F(HealthReporterTest, WatchFollowsChanges) {
  grpc::ClientContext context;
  grpc::health::v1::HealthCheckRequest request;
  request.set_service("second");
  const auto watch = stub_->Watch(&context, request);
  HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVICE_UNKNOWN);
  ASSERT_TRUE(registry_.Declare("second", "1").ok());
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  ASSERT_TRUE(registry_.Transition("second", "1", engine::ModelState::kWarming).ok());
  ASSERT_TRUE(registry_.Publish("second", "1", {.model = model_, .queue = queue_}).ok());
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  health_.SetDraining();
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  context.TryCancel();
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(HealthReporterTest, TransitionsAfterTheServerAreFine) {
  server_.reset();
  EXPECT_TRUE(registry_.Transition("tiny", "1", engine::ModelState::kDraining).ok());
  EXPECT_TRUE(registry_.Transition("tiny", "1", engine::ModelState::kUnloaded).ok());
}

}  // namespace
}  // namespace siskin::rpc
