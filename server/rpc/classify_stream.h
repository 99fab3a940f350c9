// The reactor of Classifier.ClassifyStream: many requests in, as many answers out, in order.
//
// Requests are read ahead and in the pipeline together, so that they batch with each other; answers
// are held back until all earlier ones are written. The window is bounded, and a client that sends
// faster, or reads slower, than the server computes is stopped by HTTP/2 flow control. A request
// that fails is answered with a StreamError and the stream goes on.
//
// The metrics count each request of a stream, not the stream: its duration tells nobody anything.
//
// Reactions and lane threads run at the same time; everything they share is behind one mutex, which
// is never held over a call to gRPC or to the pipeline. The stream finishes once it reads no more
// (half-close, cancellation), writes no more and has every request back from the pipeline, and gRPC
// then calls OnDone, so nobody holds a pointer to it when it deletes itself.
#ifndef SISKIN_SERVER_RPC_CLASSIFY_STREAM_H_
#define SISKIN_SERVER_RPC_CLASSIFY_STREAM_H_

#include <deque>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "server/batching/task.h"
#include "server/rpc/call.h"
#include "siskin/v1/classifier.pb.h"

namespace siskin::rpc {

class ClassifyStream final
    : public grpc::ServerBidiReactor<v1::ClassifyRequest, v1::ClassifyStreamResponse> {
 public:
  // Requests of one stream that wait for their answer: enough to fill a batch of the default size,
  // and, at the largest message, a few hundred megabytes at most.
  static constexpr size_t kReadAhead = 8;

  ClassifyStream(const grpc::CallbackServerContext& context, const Backend& backend);
  ~ClassifyStream() override;

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override { cancel_->Cancel(); }
  void OnDone() override { delete this; }

 private:
  struct Item;

  // Hands a request to the pipeline. `item` is in items_ already.
  void Start(Item& item);
  // Makes the answer to `item`. Runs wherever the pipeline ends the request.
  void Answer(Item& item, const absl::Status& status,
              std::shared_ptr<const engine::Servable> servable);
  // Notes that `answered` (may be null) can be written, and starts whatever may start now: the next
  // write, the next read or the end. Unless called in a reaction, the stream may be gone when this
  // returns.
  void Advance(Item* answered);

  const Backend& backend_;
  const absl::Time deadline_;
  // Of all requests of the stream; also set when a write fails, for then nobody listens any more.
  const std::shared_ptr<batching::CancelFlag> cancel_ = std::make_shared<batching::CancelFlag>();

  absl::Mutex mu_;
  std::unique_ptr<Item> reading_ ABSL_GUARDED_BY(mu_);            // being read; null: no read
  std::deque<std::unique_ptr<Item>> items_ ABSL_GUARDED_BY(mu_);  // in order of arrival
  std::unique_ptr<Item> writing_ ABSL_GUARDED_BY(mu_);            // being written; null: no write
  bool reads_done_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace siskin::rpc

#endif  // SISKIN_SERVER_RPC_CLASSIFY_STREAM_H_
