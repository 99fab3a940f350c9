#include "tests/server/rpc/rpc_fixture.h"

#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "models/model_loader.h"
#include "tests/fakes/tiny_model.h"

namespace siskin::rpc {

void FakeMetrics::OnRequest(std::string_view model, std::string_view version,
                            std::string_view method, absl::StatusCode code,
                            absl::Duration duration) {
  EXPECT_GE(duration, absl::ZeroDuration());
  absl::MutexLock lock(&mu_);
  requests_.push_back({std::string(model), std::string(version), std::string(method), code});
}

void FakeMetrics::OnRejected(std::string_view model, Rejection reason) {
  absl::MutexLock lock(&mu_);
  rejections_.push_back(std::string(model) + " " + ToString(reason));
}

void FakeMetrics::OnStages(std::string_view model, std::string_view version,
                           const engine::TaskTiming& timing, absl::Duration answer) {
  EXPECT_TRUE(model == "tiny" || model == "faces") << model;
  EXPECT_EQ(version, "1");
  EXPECT_GE(answer, absl::ZeroDuration());
  EXPECT_GE(timing.batch_size, 1);
  absl::MutexLock lock(&mu_);
  ++stages_;
}

std::vector<FakeMetrics::Request> FakeMetrics::WaitForRequests(size_t count) {
  absl::MutexLock lock(&mu_);
  const auto enough = [this, count]()
                          ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return requests_.size() >= count; };
  mu_.Await(absl::Condition(&enough));
  return requests_;
}

void FakeMetrics::OnMessage(metrics::Direction direction, int64_t bytes) {
  absl::MutexLock lock(&mu_);
  (direction == metrics::Direction::kReceived ? received_bytes_ : sent_bytes_) += bytes;
}

std::vector<std::string> FakeMetrics::rejections() const {
  absl::MutexLock lock(&mu_);
  return rejections_;
}

int64_t FakeMetrics::received_bytes() const {
  absl::MutexLock lock(&mu_);
  return received_bytes_;
}

int64_t FakeMetrics::sent_bytes() const {
  absl::MutexLock lock(&mu_);
  return sent_bytes_;
}

int FakeMetrics::stages() const {
  absl::MutexLock lock(&mu_);
  return stages_;
}

std::shared_ptr<const engine::LoadedModel> BackendTest::model_;

void BackendTest::SetUpTestSuite() {
  if (model_ != nullptr) return;
  const models::LoadRequest request = {
      .architecture = "mobilenet_v1", .width = 0.25, .resolution = 32, .classes = kClasses};
  auto bound = models::RandomModel(request, /*seed=*/1);
  ASSERT_TRUE(bound.ok()) << bound.status();
  engine::LoadedModel::Options options{.name = "tiny", .max_batch_size = 1};
  for (int i = 0; i < kClasses; ++i) options.labels.push_back(absl::StrCat("label ", i));
  auto model = engine::LoadedModel::Compile(*std::move(bound), std::move(options));
  ASSERT_TRUE(model.ok()) << model.status();
  model_ = *std::move(model);
}

void BackendTest::SetUp() {
  ASSERT_NE(model_, nullptr);
  queue_ = Serve(model_);
}

void BackendTest::ServeFaces() { face_queue_ = Serve(siskin::testing::TinyFaceDetector()); }

std::shared_ptr<batching::BatchQueue> BackendTest::Serve(
    std::shared_ptr<const engine::LoadedModel> model) {
  auto queue = scheduler_.AddQueue({.limits = {.max_batch_size = 4}, .capacity = 64},
                                   const_cast<engine::LoadedModel*>(model.get()));
  EXPECT_TRUE(queue.ok()) << queue.status();
  const std::string name = model->name();
  EXPECT_TRUE(registry_.Declare(name, "1").ok());
  EXPECT_TRUE(registry_.Transition(name, "1", engine::ModelState::kWarming).ok());
  EXPECT_TRUE(registry_.Publish(name, "1", {.model = std::move(model), .queue = *queue}).ok());
  return *std::move(queue);
}

void BackendTest::TearDown() {
  EXPECT_TRUE(taken_.empty()) << "the test left tasks unanswered";
  // Answers what still waits, so that the calls can end.
  scheduler_.RemoveQueue(*queue_);
  if (face_queue_ != nullptr) scheduler_.RemoveQueue(*face_queue_);
}

void RpcTest::SetUp() {
  BackendTest::SetUp();
  StartServer({.address = "127.0.0.1:0"});
}

void RpcTest::TearDown() {
  BackendTest::TearDown();
  server_.reset();
}

void RpcTest::StartServer(const GrpcServer::Options& options) {
  server_.reset();
  auto server = GrpcServer::Start(options, backend_, health_);
  ASSERT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
}

std::shared_ptr<grpc::Channel> RpcTest::Connect() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", server_->port()),
                                   grpc::InsecureChannelCredentials(), arguments);
}

std::unique_ptr<engine::InferenceTask> BackendTest::TakeTask() {
  if (taken_.empty()) {
    batching::Batch batch;
    EXPECT_TRUE(scheduler_.WaitForBatch(batch));
    for (auto& task : batch.tasks) taken_.push_back(std::move(task));
  }
  auto* task = static_cast<engine::InferenceTask*>(taken_.front().release());
  taken_.pop_front();
  return std::unique_ptr<engine::InferenceTask>(task);
}

void BackendTest::Complete(std::unique_ptr<engine::InferenceTask> task, int best) {
  task->Complete(Logits(best), {.queue = absl::Microseconds(10),
                                .prepare = absl::Microseconds(20),
                                .compute = absl::Microseconds(30),
                                .batch_size = 2});
}

void BackendTest::Fail(std::unique_ptr<engine::InferenceTask> task, const absl::Status& status) {
  task->Fail(status);
}

void BackendTest::WaitUntilCancelled(const engine::InferenceTask& task) {
  while (!task.cancelled()) std::this_thread::yield();
}

std::vector<float> BackendTest::Logits(int best) {
  std::vector<float> logits(kClasses);
  for (int i = 0; i < kClasses; ++i) {
    logits[static_cast<size_t>((best + i) % kClasses)] = static_cast<float>(kClasses - i);
  }
  return logits;
}

std::string BackendTest::FloatTensor(int images) {
  const models::InputContract& input = model_->input();
  return std::string(static_cast<size_t>(images * 3 * input.height * input.width) * sizeof(float),
                     '\0');
}

}  // namespace siskin::rpc
