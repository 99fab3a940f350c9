#include "server/rpc/grpc_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "grpcpp/client_context.h"
#include "grpcpp/generic/generic_stub.h"
#include "inference/grpc_service.grpc.pb.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace siskin::rpc {
namespace {

using ::testing::HasSubstr;

class GrpcServerTest : public RpcTest {
 protected:
  absl::Status Start(const GrpcServer::Options& options) {
    HealthReporter health(other_registry_);
    return GrpcServer::Start(options, backend_, health).status();
  }

  std::future<grpc::Status> Infer() { return Infer(Connect()); }

  std::future<grpc::Status> Infer(std::shared_ptr<grpc::Channel> channel) {
    return std::async(std::launch::async, [channel = std::move(channel)] {
      ::inference::ModelInferRequest request;
      auto& input = *request.add_inputs();
      input.set_name("input");
      input.set_datatype("FP32");
      for (const int dimension : {1, 3, model_->input().height, model_->input().width}) {
        input.add_shape(dimension);
      }
      request.add_raw_input_contents(FloatTensor(1));
      grpc::ClientContext context;
      ::inference::ModelInferResponse response;
      return ::inference::GRPCInferenceService::NewStub(channel)->ModelInfer(&context, request,
                                                                             &response);
    });
  }

  engine::ModelRegistry other_registry_;
};

TEST_F(GrpcServerTest, ASecondServerOnThePortFails) {
  const std::string address = absl::StrCat("127.0.0.1:", server_->port());
  const absl::Status status = Start({.address = address});
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr(address));
}

TEST_F(GrpcServerTest, AnAddressThatIsNoneFails) {
  EXPECT_EQ(Start({.address = "nowhere"}).code(), absl::StatusCode::kUnavailable);
}

TEST_F(GrpcServerTest, OptionsAreValidated) {
  const GrpcServer::Options rows[] = {
      {.address = "127.0.0.1:0", .max_message_bytes = 0},
      {.address = "127.0.0.1:0", .max_concurrent_streams = 0},
      {.address = "127.0.0.1:0", .max_buffer_bytes = 1},
      {.address = "127.0.0.1:0", .max_connection_age = absl::ZeroDuration()},
  };
  for (const GrpcServer::Options& options : rows) {
    EXPECT_EQ(Start(options).code(), absl::StatusCode::kInvalidArgument);
  }
}

class ConnectionAgeTest : public GrpcServerTest {
 protected:
  void SetUp() override {
    BackendTest::SetUp();
    StartServer({.address = "127.0.0.1:0", .max_connection_age = absl::Milliseconds(100)});
  }
};

TEST_F(ConnectionAgeTest, AnOldConnectionIsReplacedAndItsCallsAreAnswered) {
  const auto channel = Connect();
  auto first = Infer(channel);
  auto first_task = TakeTask();
  EXPECT_TRUE(channel->WaitForStateChange(GRPC_CHANNEL_READY,
                                          absl::ToChronoTime(absl::Now() + absl::Minutes(1))));
  auto second = Infer(channel);
  Complete(TakeTask(), 0);
  EXPECT_TRUE(second.get().ok());
  Complete(std::move(first_task), 0);
  EXPECT_TRUE(first.get().ok());
}

TEST_F(GrpcServerTest, ShutdownAnswersWhatIsInFlight) {
  auto answer = Infer();
  auto task = TakeTask();
  std::thread shutdown([this] { server_->Shutdown(absl::InfiniteDuration()); });
  Complete(std::move(task), 0);
  EXPECT_TRUE(answer.get().ok());
  shutdown.join();
  server_->Shutdown(absl::ZeroDuration());  // a second one does nothing
}

TEST_F(GrpcServerTest, ShutdownRefusesWhatIsNewWhileItAnswersWhatIsInFlight) {
  auto answer = Infer();
  auto task = TakeTask();
  std::thread shutdown([this] { server_->Shutdown(absl::InfiniteDuration()); });
  while (admission_.Admit(0, MonotonicTime::InfiniteFuture(), Clock::Real().Now()).ok())
    std::this_thread::yield();
  const grpc::Status refused = Infer().get();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(refused.error_message(), HasSubstr("shutting down"));  // our words: it was heard
  Complete(std::move(task), 0);
  EXPECT_TRUE(answer.get().ok());
  shutdown.join();
}

TEST_F(GrpcServerTest, ShutdownCancelsWhatOutlivesTheGrace) {
  auto answer = Infer();
  auto task = TakeTask();
  std::thread shutdown([this] { server_->Shutdown(absl::ZeroDuration()); });
  WaitUntilCancelled(*task);
  Fail(std::move(task), absl::CancelledError("gone"));
  EXPECT_FALSE(answer.get().ok());
  shutdown.join();
}

TEST_F(GrpcServerTest, ReflectionListsTheServices) {
  // ServerReflectionRequest{list_services: "*"}, field 7.
  const std::string bytes = "\x3a\x01*";
  const grpc::Slice slice(bytes);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::GenericStub stub(Connect());
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  void* tag = nullptr;
  bool ok = false;
  const auto step = [&] {
    ASSERT_TRUE(queue.Next(&tag, &ok));
    ASSERT_TRUE(ok);
  };
  auto call = stub.PrepareCall(
      &context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
  call->StartCall(nullptr);
  step();
  call->Write(request, nullptr);
  step();
  grpc::ByteBuffer response;
  call->Read(&response, nullptr);
  step();
  call->WritesDone(nullptr);
  step();
  grpc::Status status;
  call->Finish(&status, nullptr);
  step();
  EXPECT_TRUE(status.ok());

  grpc::Slice answer;
  ASSERT_TRUE(response.DumpToSingleSlice(&answer).ok());
  const std::string text(reinterpret_cast<const char*>(answer.begin()), answer.size());
  EXPECT_THAT(text, HasSubstr("siskin.v1.Classifier"));
  EXPECT_THAT(text, HasSubstr("inference.GRPCInferenceService"));
  EXPECT_THAT(text, HasSubstr("grpc.health.v1.Health"));
}

}  // namespace
}  // namespace siskin::rpc
