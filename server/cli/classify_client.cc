#include "server/cli/classify_client.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/channel.h"
#include "ops/status_macros.h"
#include "server/cli/channel.h"
#include "server/cli/file_list.h"
#include "siskin/v1/classifier.grpc.pb.h"

namespace siskin::cli {
namespace {

// The server has its own, lower limit; this one is only there to not read a film into memory.
constexpr size_t kMaxFileBytes = size_t{256} << 20;
constexpr absl::Duration kConnectTimeout = absl::Seconds(5);

absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

void FillOutcome(const v1::ClassifyResponse& response, Outcome& outcome) {
  outcome.model = response.model();
  outcome.version = response.version();
  outcome.warning = response.warning();
  for (const v1::Classification& best : response.classifications()) {
    std::string name = best.label().empty() ? absl::StrCat("class ", best.index()) : best.label();
    outcome.labels.push_back({static_cast<int>(best.index()), std::move(name), best.probability()});
  }
  outcome.queue = ToDuration(response.timing().queue());
  outcome.decode = ToDuration(response.timing().decode());
  outcome.compute = ToDuration(response.timing().compute());
  outcome.batch_size = static_cast<int>(response.timing().batch_size());
}

class GrpcClassifyClient final : public ClassifyClient {
 public:
  GrpcClassifyClient(const std::shared_ptr<grpc::Channel>& channel, ClassifyOptions options)
      : options_(std::move(options)), stub_(v1::Classifier::NewStub(channel)) {}

  Outcome Classify(const std::string& file) override {
    Outcome outcome;
    outcome.file = file;
    absl::StatusOr<std::string> bytes = ReadFile(file, kMaxFileBytes);
    if (!bytes.ok()) {
      outcome.status = bytes.status();
      return outcome;
    }
    v1::ClassifyRequest request;
    request.set_model(options_.model);
    request.set_version(options_.version);
    request.set_top_k(options_.top_k);
    request.set_image(*std::move(bytes));
    outcome.status = Call(request, outcome);
    return outcome;
  }

 private:
  absl::Status Call(const v1::ClassifyRequest& request, Outcome& outcome) {
    const absl::Time start = absl::Now();
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(start + options_.timeout));
    v1::ClassifyResponse response;
    const grpc::Status status = stub_->Classify(&context, request, &response);
    outcome.total = absl::Now() - start;
    if (!status.ok()) {
      return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                          status.error_message());
    }
    FillOutcome(response, outcome);
    return absl::OkStatus();
  }

  const ClassifyOptions options_;
  const std::unique_ptr<v1::Classifier::Stub> stub_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ClassifyClient>> ClassifyClient::Connect(const std::string& server,
                                                                        ClassifyOptions options) {
  const absl::Duration patience = std::min(options.timeout, kConnectTimeout);
  SISKIN_ASSIGN_OR_RETURN(const auto channel, cli::Connect(server, absl::Now() + patience));
  return std::make_unique<GrpcClassifyClient>(channel, std::move(options));
}

void ClassifyFiles(ClassifyClient& client, const std::vector<std::string>& files, int concurrency,
                   const std::function<void(Outcome)>& take) {
  std::vector<std::promise<Outcome>> outcomes(files.size());
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < files.size(); i = next++) {
      outcomes[i].set_value(client.Classify(files[i]));
    }
  };
  const size_t workers = std::min<size_t>(std::max(concurrency, 1), files.size());
  std::vector<std::jthread> threads;
  for (size_t i = 0; i < workers; ++i) threads.emplace_back(work);
  for (std::promise<Outcome>& outcome : outcomes) take(outcome.get_future().get());
}

}  // namespace siskin::cli
