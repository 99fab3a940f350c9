// ClassifyStream against a stand-in for gRPC, whose operations end at once and on other threads, in
// any order, with clients that cancel and servers that drain at any moment. ThreadSanitizer sees
// all of it, which it cannot with Debian's gRPC, and the stand-in checks what gRPC only assumes.
#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/rpc/classify_stream.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace siskin::rpc {
namespace {

// Threads that run whatever they are given.
class Workers {
 public:
  explicit Workers(int count) {
    for (int i = 0; i < count; ++i) threads_.emplace_back([this] { Run(); });
  }
  ~Workers() {
    {
      std::lock_guard lock(mu_);
      closed_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  void Add(std::function<void()> job) {
    {
      std::lock_guard lock(mu_);
      jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
  }

 private:
  void Run() {
    std::unique_lock lock(mu_);
    while (true) {
      changed_.wait(lock, [this] { return closed_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      const std::function<void()> job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
      lock.lock();
    }
  }

  std::mutex mu_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

// The server's end of a stream whose client sends `requests`, then half-closes or keeps silent.
class FakeCall final
    : public grpc::ServerCallbackReaderWriter<v1::ClassifyRequest, v1::ClassifyStreamResponse> {
 public:
  FakeCall(Workers& workers, std::vector<v1::ClassifyRequest> requests, bool half_close)
      : workers_(workers), requests_(std::move(requests)), half_close_(half_close) {}

  void Bind(ClassifyStream* stream) {
    stream_ = stream;
    BindReactor(stream);
    EndReaction();  // the method handler has returned
  }

  void Cancel() {
    std::lock_guard lock(mu_);
    if (finished_ || cancelled_) return;
    cancelled_ = true;
    Schedule([this] { stream_->OnCancel(); });
    EndPendingRead();
  }

  struct Outcome {
    std::vector<v1::ClassifyStreamResponse> answers;
    grpc::Status status;
    size_t read = 0;
    bool cancelled = false;
  };
  // Blocks until the stream has deleted itself.
  Outcome Wait() {
    std::unique_lock lock(mu_);
    changed_.wait(lock, [this] { return done_; });
    return {answers_, status_, next_, cancelled_};
  }
  // Blocks until `count` requests are read or the stream is over.
  void WaitForReads(size_t count) {
    std::unique_lock lock(mu_);
    changed_.wait(lock, [&] { return next_ >= count || finished_; });
  }

  void Read(v1::ClassifyRequest* message) override {
    std::lock_guard lock(mu_);
    EXPECT_FALSE(finished_) << "a read after Finish";
    EXPECT_EQ(pending_read_, nullptr) << "two reads at a time";
    pending_read_ = message;
    if (next_ < requests_.size() && !cancelled_) {
      *message = requests_[next_++];
      pending_read_ = nullptr;
      changed_.notify_all();
      Schedule([this] { stream_->OnReadDone(true); });
    } else if (half_close_ || cancelled_) {
      EndPendingRead();
    }
  }

  void Write(const v1::ClassifyStreamResponse* message, grpc::WriteOptions) override {
    std::lock_guard lock(mu_);
    EXPECT_FALSE(finished_) << "a write after Finish";
    EXPECT_FALSE(writing_) << "two writes at a time";
    writing_ = true;
    if (!cancelled_) answers_.push_back(*message);
    Schedule([this, ok = !cancelled_] {
      {
        std::lock_guard lock(mu_);
        writing_ = false;
      }
      stream_->OnWriteDone(ok);
    });
  }

  void Finish(grpc::Status status) override {
    std::lock_guard lock(mu_);
    EXPECT_FALSE(finished_) << "finished twice";
    EXPECT_FALSE(writing_) << "finished during a write";
    finished_ = true;
    status_ = std::move(status);
    changed_.notify_all();
    EndPendingRead();
    Schedule([] {});  // the end of the status' way, after which OnDone may run
  }

  void WriteAndFinish(const v1::ClassifyStreamResponse*, grpc::WriteOptions,
                      grpc::Status) override {
    ADD_FAILURE() << "not used";
  }
  void SendInitialMetadata() override { ADD_FAILURE() << "not used"; }

 private:
  grpc::internal::ServerReactor* reactor() override { return stream_; }
  void CallOnDone() override { ADD_FAILURE() << "EndReaction does this"; }

  // REQUIRES: mu_ is held.
  void EndPendingRead() {
    if (pending_read_ == nullptr) return;
    pending_read_ = nullptr;
    Schedule([this] { stream_->OnReadDone(false); });
  }
  void Schedule(std::function<void()> reaction) {
    ++reactions_;
    workers_.Add([this, reaction = std::move(reaction)] {
      reaction();
      EndReaction();
    });
  }

  void EndReaction() {
    {
      std::lock_guard lock(mu_);
      if (--reactions_ > 0 || !finished_) return;
    }
    stream_->OnDone();
    std::lock_guard lock(mu_);
    EXPECT_FALSE(done_) << "two OnDone";
    done_ = true;
    changed_.notify_all();
  }

  Workers& workers_;
  const std::vector<v1::ClassifyRequest> requests_;
  const bool half_close_;
  ClassifyStream* stream_ = nullptr;

  std::mutex mu_;
  std::condition_variable changed_;
  int reactions_ = 1;  // on their way; the first is the method handler
  size_t next_ = 0;
  v1::ClassifyRequest* pending_read_ = nullptr;
  bool writing_ = false;
  bool cancelled_ = false;
  bool finished_ = false;
  bool done_ = false;
  grpc::Status status_;
  std::vector<v1::ClassifyStreamResponse> answers_;
};

class ClassifyStreamStressTest : public BackendTest {
 protected:
  void SetUp() override {
    BackendTest::SetUp();
    for (int lane = 0; lane < 2; ++lane) {
      lanes_.emplace_back([this, lane] { RunLane(static_cast<unsigned>(lane)); });
    }
  }
  void TearDown() override {
    scheduler_.Drain();
    for (std::thread& lane : lanes_) lane.join();
    BackendTest::TearDown();
  }

  // Answers most tasks, and fails some, in no order.
  void RunLane(unsigned seed) {
    std::mt19937 random(seed);
    batching::Batch batch;
    while (scheduler_.WaitForBatch(batch)) {
      std::shuffle(batch.tasks.begin(), batch.tasks.end(), random);
      for (auto& task : batch.tasks) {
        std::unique_ptr<engine::InferenceTask> taken(
            static_cast<engine::InferenceTask*>(task.release()));
        if (random() % 8 == 0) {
          // Without a message, a status has no count of users, whose end abseil would hide from
          // the sanitizer.
          Fail(std::move(taken), absl::DeadlineExceededError(""));
        } else {
          Complete(std::move(taken), 1);
        }
      }
      batch.tasks.clear();
    }
  }

  // Some of them are wrong, and answered before they reach a lane.
  std::vector<v1::ClassifyRequest> Requests(size_t count, std::mt19937& random) {
    std::vector<v1::ClassifyRequest> requests(count);
    for (size_t i = 0; i < count; ++i) {
      requests[i].set_id(absl::StrCat(i));
      if (random() % 6 == 0) continue;
      v1::Tensor& tensor = *requests[i].mutable_tensor();
      tensor.set_data_type(v1::Tensor::FP32);
      for (const int dimension : {3, model_->input().height, model_->input().width}) {
        tensor.add_shape(dimension);
      }
      tensor.set_data(FloatTensor(1));
    }
    return requests;
  }

  // Every answer belongs to the request in its place.
  static void ExpectInOrder(const FakeCall::Outcome& outcome) {
    for (size_t i = 0; i < outcome.answers.size(); ++i) {
      const v1::ClassifyStreamResponse& answer = outcome.answers[i];
      EXPECT_EQ(answer.has_error() ? answer.error().id() : answer.response().id(), absl::StrCat(i));
    }
  }

  // Each one of the requests is counted once, answered to the client or not.
  void ExpectCounted(size_t requests) {
    counted_ += requests;
    EXPECT_EQ(metrics_.WaitForRequests(counted_).size(), counted_);
  }

  std::vector<std::thread> lanes_;
  grpc::CallbackServerContext context_;
  size_t counted_ = 0;
};

TEST_F(ClassifyStreamStressTest, AnswersEverything) {
  OpenStreams streams;
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    const size_t count = random() % 40;
    Workers workers(3);
    FakeCall call(workers, Requests(count, random), /*half_close=*/true);
    call.Bind(new ClassifyStream(context_, backend_, streams));
    const FakeCall::Outcome outcome = call.Wait();
    EXPECT_TRUE(outcome.status.ok());
    EXPECT_EQ(outcome.answers.size(), count);
    ExpectInOrder(outcome);
    ExpectCounted(count);
  }
}

TEST_F(ClassifyStreamStressTest, EndsWheneverTheClientGoes) {
  OpenStreams streams;
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    const size_t count = random() % 40;
    Workers workers(3);
    FakeCall call(workers, Requests(count, random), /*half_close=*/seed % 2 == 0);
    call.Bind(new ClassifyStream(context_, backend_, streams));
    call.WaitForReads(random() % (count + 1));
    call.Cancel();
    const FakeCall::Outcome outcome = call.Wait();
    EXPECT_TRUE(outcome.cancelled || outcome.status.ok());
    ExpectInOrder(outcome);
    ExpectCounted(outcome.read);
  }
}

TEST_F(ClassifyStreamStressTest, EndsWheneverTheServerDrains) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    const size_t count = random() % 40;
    OpenStreams streams;
    Workers workers(3);
    FakeCall call(workers, Requests(count, random), /*half_close=*/false);
    call.Bind(new ClassifyStream(context_, backend_, streams));
    call.WaitForReads(random() % (count + 1));
    streams.Drain();
    const FakeCall::Outcome outcome = call.Wait();
    EXPECT_EQ(outcome.status.error_code(), grpc::StatusCode::UNAVAILABLE);
    ExpectInOrder(outcome);
    EXPECT_LE(outcome.answers.size(), outcome.read);
    EXPECT_GE(outcome.answers.size() + 1, outcome.read) << "at most the last one read is lost";
    ExpectCounted(outcome.answers.size());
  }
}

TEST_F(ClassifyStreamStressTest, AStreamThatComesDuringTheDrainEndsAtOnce) {
  OpenStreams streams;
  streams.Drain();
  Workers workers(1);
  FakeCall call(workers, {}, /*half_close=*/false);
  call.Bind(new ClassifyStream(context_, backend_, streams));
  const FakeCall::Outcome outcome = call.Wait();
  EXPECT_EQ(outcome.status.error_code(), grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace siskin::rpc
