#include "server/rpc/classify_stream.h"

#include <utility>
#include <vector>

#include "server/rpc/classifier_service.h"
#include "server/rpc/grpc_status.h"
#include "server/rpc/v1_codec.h"

namespace siskin::rpc {
namespace {

grpc::Status StatusAtEnd(absl::StatusCode code) {
  const bool draining = code == absl::StatusCode::kUnavailable;
  return ToGrpcStatus(
      absl::Status(code, draining ? "the server is draining; open the stream again" : ""),
      /*request_id=*/"");
}

}  // namespace

bool OpenStreams::Add(ClassifyStream& stream) {
  absl::MutexLock lock(&mu_);
  streams_.insert(&stream);
  return !draining_;
}

void OpenStreams::Remove(ClassifyStream& stream) {
  absl::MutexLock lock(&mu_);
  streams_.erase(&stream);
}

void OpenStreams::Drain() {
  std::vector<std::pair<ClassifyStream*, ClassifyStream::Next>> todo;
  {
    absl::MutexLock lock(&mu_);
    draining_ = true;
    for (ClassifyStream* stream : streams_) {
      const ClassifyStream::Next next = stream->DecideToDrain();
      if (!next.empty()) todo.emplace_back(stream, next);
    }
  }
  for (const auto& [stream, next] : todo) stream->Perform(next);
}

struct ClassifyStream::Item {
  v1::ClassifyRequest request;
  v1::ClassifyStreamResponse response;
  std::optional<RequestRecord> record;  // once the request has arrived
  bool answered = false;                // guarded by mu_
};

ClassifyStream::ClassifyStream(const grpc::CallbackServerContext& context, const Backend& backend,
                               OpenStreams& streams)
    : backend_(backend), streams_(streams), deadline_(Deadline(context)) {
  if (streams.Add(*this)) {
    Advance();
  } else {
    Perform(DecideToDrain());
  }
}

ClassifyStream::~ClassifyStream() = default;

void ClassifyStream::OnReadDone(bool ok) {
  Item* item = nullptr;
  {
    absl::MutexLock lock(&mu_);
    if (ok && !finished_) {
      item = reading_.get();
      items_.push_back(std::move(reading_));
    } else {
      reading_.reset();
      reads_done_ = true;
    }
  }
  // Started before the next read, so that requests enter the queue in order.
  if (item != nullptr) Start(*item);
  Advance();
}

void ClassifyStream::OnWriteDone(bool ok) {
  if (!ok) cancel_->Cancel();
  {
    absl::MutexLock lock(&mu_);
    writing_.reset();
  }
  Advance();
}

void ClassifyStream::OnDone() {
  streams_.Remove(*this);
  delete this;
}

void ClassifyStream::Start(Item& item) {
  item.record.emplace("ClassifyStream", item.request.model());
  backend_.metrics.OnMessage(metrics::Direction::kReceived, item.request.ByteSizeLong());
  auto request = ParseClassifyRequest(item.request);
  if (!request.ok()) {
    Answer(item, request.status(),
           FindServable(backend_, item.request.model(), item.request.version()));
    return;
  }
  request->deadline = deadline_;
  request->cancel = cancel_;
  Infer(
      backend_, *request,
      [&item](const pipeline::InferenceResult& result) {
        FillClassifyResponse(item.request, result, *item.response.mutable_response());
      },
      [this, &item](const absl::Status& status, std::shared_ptr<const engine::Servable> servable) {
        Answer(item, status, std::move(servable));
      });
}

void ClassifyStream::Answer(Item& item, const absl::Status& status,
                            std::shared_ptr<const engine::Servable> servable) {
  if (!status.ok()) {
    const grpc::Status mapped = ToGrpcStatus(status, item.request.id());
    v1::StreamError& error = *item.response.mutable_error();
    error.set_code(mapped.error_code());
    error.set_message(mapped.error_message());
    // An id that is too long is what the error says, and is not echoed.
    if (item.request.id().size() <= kMaxIdBytes) error.set_id(item.request.id());
  }
  item.record->SetOutcome(status, std::move(servable));
  backend_.metrics.OnMessage(metrics::Direction::kSent, item.response.ByteSizeLong());
  item.record->Report(status.code(), backend_.metrics);
  Next next;
  {
    // Marked and decided upon in one go: in between, another thread could write it and finish.
    absl::MutexLock lock(&mu_);
    item.answered = true;
    next = Decide();
  }
  if (!next.empty()) Perform(next);
}

void ClassifyStream::Advance() {
  Next next;
  {
    absl::MutexLock lock(&mu_);
    next = Decide();
  }
  Perform(next);
}

ClassifyStream::Next ClassifyStream::DecideToDrain() {
  absl::MutexLock lock(&mu_);
  draining_ = true;
  return Decide();
}

ClassifyStream::Next ClassifyStream::Decide() {
  Next next;
  const bool gone = cancel_->cancelled();
  while (gone && !items_.empty() && items_.front()->answered) items_.pop_front();
  if (writing_ == nullptr && !items_.empty() && items_.front()->answered) {
    writing_ = std::move(items_.front());
    items_.pop_front();
    next.write = &writing_->response;
  }
  const bool reads_no_more = reads_done_ || draining_;
  if (reading_ == nullptr && !reads_no_more && items_.size() < kReadAhead) {
    reading_ = std::make_unique<Item>();
    next.read = &reading_->request;
    ++reads_starting_;
  }
  if (reads_no_more && reads_starting_ == 0 && writing_ == nullptr && items_.empty() &&
      !finished_) {
    finished_ = true;
    next.finish = gone          ? absl::StatusCode::kCancelled
                  : reads_done_ ? absl::StatusCode::kOk
                                : absl::StatusCode::kUnavailable;
  }
  return next;
}

void ClassifyStream::Perform(Next next) {
  while (!next.empty()) {
    if (next.write != nullptr) StartWrite(next.write);
    if (next.finish.has_value()) return Finish(StatusAtEnd(*next.finish));
    if (next.read == nullptr) return;
    StartRead(next.read);
    // The read may be over by now, and a drain does not wait for it: look again.
    absl::MutexLock lock(&mu_);
    --reads_starting_;
    next = Decide();
  }
}

}  // namespace siskin::rpc
