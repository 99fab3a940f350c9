#include "server/rpc/classify_stream.h"

#include <optional>
#include <utility>

#include "server/rpc/classify_codec.h"
#include "server/rpc/grpc_status.h"

namespace siskin::rpc {

struct ClassifyStream::Item {
  v1::ClassifyRequest request;
  v1::ClassifyStreamResponse response;
  std::optional<RequestRecord> record;  // once the request has arrived
  bool answered = false;                // guarded by mu_
};

ClassifyStream::ClassifyStream(const grpc::CallbackServerContext& context, const Backend& backend)
    : backend_(backend), deadline_(Deadline(context)) {
  Advance(nullptr);
}

ClassifyStream::~ClassifyStream() = default;

void ClassifyStream::OnReadDone(bool ok) {
  Item* item = nullptr;
  {
    absl::MutexLock lock(&mu_);
    if (ok) {
      item = reading_.get();
      items_.push_back(std::move(reading_));
    } else {
      reading_.reset();
      reads_done_ = true;
    }
  }
  // Started before the next read, so that requests enter the queue in order.
  if (item != nullptr) Start(*item);
  Advance(nullptr);
}

void ClassifyStream::OnWriteDone(bool ok) {
  if (!ok) cancel_->Cancel();
  {
    absl::MutexLock lock(&mu_);
    writing_.reset();
  }
  Advance(nullptr);
}

void ClassifyStream::Start(Item& item) {
  item.record.emplace("ClassifyStream");
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
  item.record->set_servable(std::move(servable));
  item.record->Report(status.code(), backend_.metrics);
  Advance(&item);
}

void ClassifyStream::Advance(Item* answered) {
  v1::ClassifyStreamResponse* write = nullptr;
  v1::ClassifyRequest* read = nullptr;
  bool finish = false;
  {
    absl::MutexLock lock(&mu_);
    if (answered != nullptr) answered->answered = true;
    const bool gone = cancel_->cancelled();
    const auto front_answered = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      return !items_.empty() && items_.front()->answered;
    };
    while (gone && front_answered()) items_.pop_front();
    if (writing_ == nullptr && front_answered()) {
      writing_ = std::move(items_.front());
      items_.pop_front();
      write = &writing_->response;
    }
    if (reading_ == nullptr && !reads_done_ && items_.size() < kReadAhead) {
      reading_ = std::make_unique<Item>();
      read = &reading_->request;
    }
    finish = reads_done_ && writing_ == nullptr && items_.empty() && !finished_;
    finished_ = finished_ || finish;
  }
  // Each operation noted above keeps the stream alive until it is started, and its own reaction
  // until then cannot run; the last one is the last use of the stream here.
  if (write != nullptr) StartWrite(write);
  if (read != nullptr) StartRead(read);
  if (finish) Finish(cancel_->cancelled() ? grpc::Status::CANCELLED : grpc::Status::OK);
}

}  // namespace siskin::rpc
