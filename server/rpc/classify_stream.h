// The reactor of Classifier.ClassifyStream: many requests in, as many answers out, in order.
//
// Requests are read ahead and in the pipeline together, so that they batch with each other; answers
// are held back until all earlier ones are written. The window is bounded, and a client that sends
// faster, or reads slower, than the server computes is stopped by HTTP/2 flow control. A request
// that fails is answered with a StreamError and the stream goes on. A draining server answers what
// it has read and then ends the stream with UNAVAILABLE, for a stream may stay open for days.
//
// The metrics count each request of a stream, not the stream, whose duration means nothing.
//
// Reactions and lane threads run at the same time; everything they share is behind one mutex, which
// is never held over a call to gRPC or to the pipeline. The stream finishes once it reads no more
// (half-close, cancellation, drain), writes no more and has every request back from the pipeline;
// gRPC then calls OnDone, so no pointer to it is left when it deletes itself.
#ifndef SISKIN_SERVER_RPC_CLASSIFY_STREAM_H_
#define SISKIN_SERVER_RPC_CLASSIFY_STREAM_H_

#include <deque>
#include <memory>
#include <optional>
#include <unordered_set>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "server/batching/task.h"
#include "server/rpc/call.h"
#include "siskin/v1/classifier.pb.h"

namespace siskin::rpc {

class ClassifyStream;

// The streams that are open, so that they can be told to end. Thread-safe; outlives them.
class OpenStreams {
 public:
  // Ends every stream, and those that come later, as soon as they are answered.
  void Drain();

 private:
  friend class ClassifyStream;
  bool Add(ClassifyStream& stream);  // false: it shall end at once
  void Remove(ClassifyStream& stream);

  absl::Mutex mu_;  // may be held when a stream's is taken
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  std::unordered_set<ClassifyStream*> streams_ ABSL_GUARDED_BY(mu_);
};

class ClassifyStream final
    : public grpc::ServerBidiReactor<v1::ClassifyRequest, v1::ClassifyStreamResponse> {
 public:
  // Requests of one stream that wait for their answer: enough to fill a batch of the default size,
  // and, at the largest message, some hundred megabytes at most.
  static constexpr size_t kReadAhead = 8;

  ClassifyStream(const grpc::CallbackServerContext& context, const Backend& backend,
                 OpenStreams& streams);
  ~ClassifyStream() override;

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override { cancel_->Cancel(); }
  void OnDone() override;

 private:
  friend class OpenStreams;
  struct Item;

  // What is to be started next. Until that is done the stream cannot finish, so the holder of a
  // Next that is not empty may use the stream.
  struct Next {
    v1::ClassifyStreamResponse* write = nullptr;
    v1::ClassifyRequest* read = nullptr;
    std::optional<absl::StatusCode> finish;  // with which code
    bool empty() const { return write == nullptr && read == nullptr && !finish.has_value(); }
  };

  // Hands a request to the pipeline. `item` is in items_ already.
  void Start(Item& item);
  // Makes the answer to `item`. Runs wherever the pipeline ends the request; the stream may be gone
  // when this returns.
  void Answer(Item& item, const absl::Status& status,
              std::shared_ptr<const engine::Servable> servable);
  // The end of every event: decides under the lock, then acts without it.
  void Advance() ABSL_LOCKS_EXCLUDED(mu_);
  Next Decide() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Next DecideToDrain() ABSL_LOCKS_EXCLUDED(mu_);
  // The stream may be gone when this returns.
  void Perform(Next next) ABSL_LOCKS_EXCLUDED(mu_);

  const Backend& backend_;
  OpenStreams& streams_;
  const MonotonicTime deadline_;
  // Of all requests of the stream; also set when a write fails, for then the client has gone.
  const std::shared_ptr<batching::CancelFlag> cancel_ = std::make_shared<batching::CancelFlag>();

  absl::Mutex mu_;
  std::unique_ptr<Item> reading_ ABSL_GUARDED_BY(mu_);  // being read; null: no read
  // Decided upon, and StartRead has not returned: two at times, as the read may end before that.
  int reads_starting_ ABSL_GUARDED_BY(mu_) = 0;
  std::deque<std::unique_ptr<Item>> items_ ABSL_GUARDED_BY(mu_);  // in order of arrival
  std::unique_ptr<Item> writing_ ABSL_GUARDED_BY(mu_);            // being written; null: no write
  bool reads_done_ ABSL_GUARDED_BY(mu_) = false;                  // the client sends no more
  bool draining_ ABSL_GUARDED_BY(mu_) = false;                    // the server reads no more
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace siskin::rpc

#endif  // SISKIN_SERVER_RPC_CLASSIFY_STREAM_H_
