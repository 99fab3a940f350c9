#include "server/rpc/classify_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpcpp/client_context.h"
#include "siskin/v1/classifier.grpc.pb.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace siskin::rpc {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::SizeIs;

class ClassifyStreamTest : public RpcTest {
 protected:
  void SetUp() override {
    RpcTest::SetUp();
    stub_ = v1::Classifier::NewStub(Connect());
    stream_ = stub_->ClassifyStream(&context_);
  }

  v1::ClassifyRequest Request(int id) {
    v1::ClassifyRequest request;
    request.set_id(absl::StrCat(id));
    request.mutable_tensor()->set_data_type(v1::Tensor::FP32);
    for (const int dimension : {3, model_->input().height, model_->input().width}) {
      request.mutable_tensor()->add_shape(dimension);
    }
    std::string data = FloatTensor(1);
    const float value = static_cast<float>(id);
    std::memcpy(data.data(), &value, sizeof(value));
    request.mutable_tensor()->set_data(std::move(data));
    return request;
  }

  // The id of the request that a task belongs to, which is the first value of its image.
  int IdOf(engine::InferenceTask& task) {
    std::vector<float> planes(3 * model_->input().height * model_->input().width);
    EXPECT_TRUE(task.Prepare(absl::MakeSpan(planes)).ok());
    return static_cast<int>(planes.front());
  }

  // By id: a stream starts requests from several threads, so they may be queued in another order.
  std::vector<std::unique_ptr<engine::InferenceTask>> TakeTasks(size_t count) {
    std::map<int, std::unique_ptr<engine::InferenceTask>> by_id;
    while (by_id.size() < count) {
      auto task = TakeTask();
      const int id = IdOf(*task);
      by_id[id] = std::move(task);
    }
    std::vector<std::unique_ptr<engine::InferenceTask>> tasks;
    for (auto& [id, task] : by_id) tasks.push_back(std::move(task));
    return tasks;
  }

  // Reads the answer to request `id`, which must be a success.
  void ExpectAnswer(int id, int best) {
    v1::ClassifyStreamResponse answer;
    ASSERT_TRUE(stream_->Read(&answer));
    ASSERT_TRUE(answer.has_response()) << answer.DebugString();
    EXPECT_EQ(answer.response().id(), absl::StrCat(id));
    EXPECT_EQ(answer.response().classifications(0).index(), static_cast<uint32_t>(best));
  }

  void ExpectError(int id, grpc::StatusCode code) {
    v1::ClassifyStreamResponse answer;
    ASSERT_TRUE(stream_->Read(&answer));
    ASSERT_TRUE(answer.has_error()) << answer.DebugString();
    EXPECT_EQ(answer.error().id(), absl::StrCat(id));
    EXPECT_EQ(answer.error().code(), code);
    EXPECT_FALSE(answer.error().message().empty());
  }

  void ExpectEnd(grpc::StatusCode code) {
    v1::ClassifyStreamResponse none;
    EXPECT_FALSE(stream_->Read(&none));
    EXPECT_EQ(stream_->Finish().error_code(), code);
  }

  static constexpr int kWindow = ClassifyStream::kReadAhead;

  grpc::ClientContext context_;
  std::unique_ptr<v1::Classifier::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::ClassifyRequest, v1::ClassifyStreamResponse>>
      stream_;
};

TEST_F(ClassifyStreamTest, AnEmptyStreamEnds) {
  stream_->WritesDone();
  ExpectEnd(grpc::StatusCode::OK);
}

TEST_F(ClassifyStreamTest, AnswersInOrderWhateverTheOrderOfTheLanes) {
  for (int i = 0; i < kWindow; ++i) ASSERT_TRUE(stream_->Write(Request(i)));
  auto tasks = TakeTasks(kWindow);
  for (int i = kWindow - 1; i >= 0; --i) Complete(std::move(tasks[static_cast<size_t>(i)]), i);
  for (int i = 0; i < kWindow; ++i) ExpectAnswer(i, i);
  stream_->WritesDone();
  ExpectEnd(grpc::StatusCode::OK);
}

TEST_F(ClassifyStreamTest, AFailedRequestIsAnsweredAndTheStreamGoesOn) {
  v1::ClassifyRequest empty;
  empty.set_id("1");
  v1::ClassifyRequest unknown = Request(2);
  unknown.set_model("nobody");
  v1::ClassifyRequest noise;
  noise.set_id("3");
  noise.set_image("this is no image");
  ASSERT_TRUE(stream_->Write(Request(0)));
  ASSERT_TRUE(stream_->Write(empty));
  ASSERT_TRUE(stream_->Write(unknown));
  ASSERT_TRUE(stream_->Write(noise));
  ASSERT_TRUE(stream_->Write(Request(4)));
  ASSERT_TRUE(stream_->Write(Request(5)));
  auto tasks = TakeTasks(3);
  Complete(std::move(tasks[2]), 5);
  Fail(std::move(tasks[1]), absl::DeadlineExceededError("late"));
  Complete(std::move(tasks[0]), 0);

  ExpectAnswer(0, 0);
  ExpectError(1, grpc::StatusCode::INVALID_ARGUMENT);
  ExpectError(2, grpc::StatusCode::NOT_FOUND);
  ExpectError(3, grpc::StatusCode::INVALID_ARGUMENT);
  ExpectError(4, grpc::StatusCode::DEADLINE_EXCEEDED);
  ExpectAnswer(5, 5);
  stream_->WritesDone();
  ExpectEnd(grpc::StatusCode::OK);
  EXPECT_THAT(metrics_.WaitForRequests(6), SizeIs(6));
  EXPECT_EQ(metrics_.stages(), 2);
  EXPECT_THAT(metrics_.rejections(),
              ElementsAre("tiny invalid_argument", "nobody not_ready", "tiny invalid_argument"));
  EXPECT_GT(metrics_.received_bytes(), static_cast<int64_t>(3 * FloatTensor(1).size()));
  EXPECT_GT(metrics_.sent_bytes(), 0);
}

TEST_F(ClassifyStreamTest, HalfCloseWaitsForTheAnswers) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(stream_->Write(Request(i)));
  stream_->WritesDone();
  auto tasks = TakeTasks(3);
  for (int i = 0; i < 3; ++i) Complete(std::move(tasks[static_cast<size_t>(i)]), i);
  for (int i = 0; i < 3; ++i) ExpectAnswer(i, i);
  ExpectEnd(grpc::StatusCode::OK);
}

TEST_F(ClassifyStreamTest, ReadsAheadWithinTheWindowOnly) {
  const int count = 4 * kWindow;
  std::thread writer([this, count] {
    for (int i = 0; i < count; ++i) stream_->Write(Request(i));
    stream_->WritesDone();
  });
  auto held = TakeTasks(static_cast<size_t>(kWindow));
  EXPECT_EQ(admission_.requests(), kWindow);
  for (int i = 0; i < count; ++i) {
    Complete(std::move(held.front()), i % kClasses);
    held.erase(held.begin());
    ExpectAnswer(i, i % kClasses);
    if (i + kWindow < count) held.push_back(TakeTask());
    EXPECT_LE(admission_.requests(), kWindow);
  }
  writer.join();
  ExpectEnd(grpc::StatusCode::OK);
}

TEST_F(ClassifyStreamTest, CancellationReachesEveryTaskAndWaitsForThem) {
  for (int i = 0; i < kWindow; ++i) ASSERT_TRUE(stream_->Write(Request(i)));
  auto tasks = TakeTasks(kWindow);
  context_.TryCancel();
  for (const auto& task : tasks) WaitUntilCancelled(*task);
  ExpectEnd(grpc::StatusCode::CANCELLED);
  // The client is long gone when the lanes answer, in any order and any way.
  Complete(std::move(tasks[3]), 1);
  for (auto& task : tasks) {
    if (task != nullptr) Fail(std::move(task), absl::CancelledError("gone"));
  }
  EXPECT_THAT(metrics_.WaitForRequests(kWindow), SizeIs(kWindow));
}

TEST_F(ClassifyStreamTest, DrainingEndsAnIdleStream) {
  ASSERT_TRUE(stream_->Write(Request(0)));
  Complete(TakeTask(), 0);
  ExpectAnswer(0, 0);
  server_->Shutdown(absl::InfiniteDuration());
  ExpectEnd(grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ClassifyStreamTest, DrainingAnswersWhatWasReadFirst) {
  for (int i = 0; i < kWindow; ++i) ASSERT_TRUE(stream_->Write(Request(i)));
  auto tasks = TakeTasks(kWindow);
  std::thread shutdown([this] { server_->Shutdown(absl::InfiniteDuration()); });
  for (int i = kWindow - 1; i >= 0; --i) Complete(std::move(tasks[static_cast<size_t>(i)]), i);
  for (int i = 0; i < kWindow; ++i) ExpectAnswer(i, i);
  ExpectEnd(grpc::StatusCode::UNAVAILABLE);
  shutdown.join();
}

TEST_F(ClassifyStreamTest, AStreamThatOutlivesTheGraceIsCancelled) {
  ASSERT_TRUE(stream_->Write(Request(0)));
  auto task = TakeTask();
  std::thread shutdown([this] { server_->Shutdown(absl::ZeroDuration()); });
  WaitUntilCancelled(*task);
  Fail(std::move(task), absl::CancelledError("gone"));
  shutdown.join();
  v1::ClassifyStreamResponse none;
  EXPECT_FALSE(stream_->Read(&none));
  EXPECT_FALSE(stream_->Finish().ok());
}

// Many lanes answer while the client reads, writes and leaves: for the sanitizers.
TEST_F(ClassifyStreamTest, ManyThreadsAnswerAtOnce) {
  const int count = 300;
  std::vector<std::thread> lanes;
  for (int lane = 0; lane < 3; ++lane) {
    lanes.emplace_back([this] {
      batching::Batch batch;
      while (scheduler_.WaitForBatch(batch)) {
        for (auto& task : batch.tasks) {
          Complete(std::unique_ptr<engine::InferenceTask>(
                       static_cast<engine::InferenceTask*>(task.release())),
                   7);
        }
        batch.tasks.clear();
      }
    });
  }
  std::thread writer([this] {
    for (int i = 0; i < count; ++i) stream_->Write(Request(i));
  });
  for (int i = 0; i < count; ++i) ExpectAnswer(i, 7);
  writer.join();

  // Streams that are cut off at any point.
  for (int i = 0; i < 30; ++i) {
    grpc::ClientContext context;
    auto stream = stub_->ClassifyStream(&context);
    for (int j = 0; j <= i % 5; ++j) stream->Write(Request(j));
    context.TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  stream_->WritesDone();
  ExpectEnd(grpc::StatusCode::OK);
  scheduler_.Drain();
  for (std::thread& lane : lanes) lane.join();
}

TEST_F(ClassifyStreamTest, AnOverLargeMessageEndsTheStream) {
  StartServer({.address = "127.0.0.1:0", .max_message_bytes = 1 << 20});
  grpc::ClientContext context;
  const auto stub = v1::Classifier::NewStub(Connect());
  const auto stream = stub->ClassifyStream(&context);
  v1::ClassifyRequest request;
  request.set_image(std::string((1 << 20) + 1, 'x'));
  stream->Write(request);
  v1::ClassifyStreamResponse none;
  EXPECT_FALSE(stream->Read(&none));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

}  // namespace
}  // namespace siskin::rpc
