// A real gRPC server on a free port of the loopback, in this process, with a real registry, queue
// and pipeline, and a small random network. The tests play the lanes: they take tasks from the
// queue and answer them, in whatever order they like, so that no outcome depends on timing.
#ifndef SISKIN_TESTS_SERVER_RPC_RPC_FIXTURE_H_
#define SISKIN_TESTS_SERVER_RPC_RPC_FIXTURE_H_

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "grpcpp/channel.h"
#include "server/batching/scheduler.h"
#include "server/engine/inference_task.h"
#include "server/engine/model_registry.h"
#include "server/metrics/metrics.h"
#include "server/pipeline/admission.h"
#include "server/pipeline/inference.h"
#include "server/rpc/grpc_server.h"
#include "server/rpc/health_reporter.h"

namespace siskin::rpc {

inline constexpr int kClasses = 10;
inline constexpr int kMaxImages = 4;
inline constexpr int64_t kMaxRequests = 32;

// Remembers what it is told.
class FakeMetrics : public metrics::Metrics {
 public:
  struct Request {
    std::string model, version, method;
    absl::StatusCode code;
    friend bool operator==(const Request&, const Request&) = default;
  };

  void OnRequest(std::string_view model, std::string_view version, std::string_view method,
                 absl::StatusCode code, absl::Duration duration) override;
  void OnRejected(std::string_view model, Rejection reason) override;
  void OnStages(std::string_view model, std::string_view version, const engine::TaskTiming& timing,
                absl::Duration answer) override;
  void OnMessage(metrics::Direction direction, int64_t bytes) override;
  void OnModelState(const engine::VersionStatus&) override {}
  void OnModelLoaded(const engine::Servable&, const metrics::ModelLoad&) override {}
  void OnLanes(int) override {}
  void OnReady() override {}
  void AddGauge(std::string, std::string, std::function<double()>) override {}
  std::string Scrape() override { return ""; }
  void OnBatch(const engine::LoadedModel&, int, batching::CloseReason, absl::Duration) override {}
  void OnLaneBusy(int, absl::Duration) override {}
  void OnSkipped(const engine::LoadedModel&, Rejection) override {}

  // Blocks until `count` requests are counted, for a client has its answer a little earlier.
  std::vector<Request> WaitForRequests(size_t count);
  int stages() const;
  std::vector<std::string> rejections() const;  // "model reason"
  int64_t received_bytes() const;
  int64_t sent_bytes() const;

 private:
  mutable absl::Mutex mu_;
  std::vector<Request> requests_ ABSL_GUARDED_BY(mu_);
  int stages_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<std::string> rejections_ ABSL_GUARDED_BY(mu_);
  int64_t received_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t sent_bytes_ ABSL_GUARDED_BY(mu_) = 0;
};

// The backend, ready to serve "tiny", version 1, and, from ServeFaces on, "faces", version 1.
class BackendTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite();  // compiles the network, once

  void SetUp() override;
  void TearDown() override;

  // Makes a second model known, siskin::testing::TinyFaceDetector.
  void ServeFaces();

  // The next task, blocking until there is one.
  std::unique_ptr<engine::InferenceTask> TakeTask();
  // Answers with logits that make `best` the most probable class, then best + 1, and so on.
  static void Complete(std::unique_ptr<engine::InferenceTask> task, int best);
  static void Fail(std::unique_ptr<engine::InferenceTask> task, const absl::Status& status);
  // Blocks until the task's caller is known to have gone.
  static void WaitUntilCancelled(const engine::InferenceTask& task);

  static std::vector<float> Logits(int best);
  // What fits the network's input.
  static std::string FloatTensor(int images);

  static std::shared_ptr<const engine::LoadedModel> model_;

  engine::ModelRegistry registry_;
  HealthReporter health_{registry_};
  batching::Scheduler scheduler_;
  pipeline::Admission admission_{{.max_requests = kMaxRequests}};
  FakeMetrics metrics_;
  pipeline::Inference inference_{registry_, admission_, pipeline::ImageLimits{}, kMaxImages,
                                 &metrics_};
  const Backend backend_ = {inference_, admission_, registry_, metrics_};
  std::shared_ptr<batching::BatchQueue> queue_;

 private:
  std::shared_ptr<batching::BatchQueue> Serve(std::shared_ptr<const engine::LoadedModel> model);

  std::shared_ptr<batching::BatchQueue> face_queue_;  // null until ServeFaces
  std::deque<std::unique_ptr<batching::Task>> taken_;
};

class RpcTest : public BackendTest {
 protected:
  void SetUp() override;
  void TearDown() override;

  void StartServer(const GrpcServer::Options& options);
  std::shared_ptr<grpc::Channel> Connect() const;

  std::unique_ptr<GrpcServer> server_;
};

}  // namespace siskin::rpc

#endif  // SISKIN_TESTS_SERVER_RPC_RPC_FIXTURE_H_
