#include "server/cli/remote/photo_command.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <future>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "siskin/v1/common.pb.h"

namespace siskin::cli {
namespace {

std::string Milliseconds(absl::Duration duration) {
  return absl::StrFormat("%.1f ms", absl::ToDoubleMilliseconds(duration));
}

// "NOT_FOUND: no such file"
std::string ErrorText(const absl::Status& status) {
  return absl::StrCat(absl::StatusCodeToString(status.code()), ": ", status.message());
}

absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

// Prints outcomes as they come (JSON) or together at the end.
class Reporter {
 public:
  Reporter(const Console& console, bool json, const Summary& titles, size_t files)
      : console_(console),
        json_(json),
        titles_(titles),
        progress_(console.err, console.interactive && !json && files >= kManyFiles,
                  static_cast<int64_t>(files)) {}

  void Take(Outcome outcome) {
    if (!outcome.status.ok()) ++failed_;
    if (!outcome.warning.empty()) warnings_.insert(outcome.warning);
    progress_.Update(++taken_);
    if (json_) {
      PrintOutcomeJson(outcome, console_.out);
    } else {
      outcomes_.push_back(std::move(outcome));
    }
  }

  // Returns the exit code.
  int Finish() {
    progress_.Clear();
    if (outcomes_.size() == 1) {
      PrintOutcome(outcomes_.front(), console_.out);
    } else if (!outcomes_.empty()) {
      PrintOutcomes(outcomes_, titles_, console_.out);
    }
    for (const std::string& warning : warnings_) {
      console_.err << "siskin: warning: " << Printable(warning) << "\n";
    }
    if (failed_ == 0) return kExitOk;
    return Fail(console_, absl::StrCat(failed_, " of ", taken_, " files failed"));
  }

 private:
  static constexpr size_t kManyFiles = 10;  // worth a progress bar

  const Console& console_;
  const bool json_;
  const Summary& titles_;
  ProgressBar progress_;
  std::vector<Outcome> outcomes_;
  std::set<std::string> warnings_;
  int failed_ = 0;
  int taken_ = 0;
};

}  // namespace

void AddPhotoFlags(PhotoFlags& photos, Flags& flags) {
  flags.Add("PATH", photos.paths, "Photos, or folders of photos").ValueName("...").Required();
  flags.Add("--server", photos.server, "Address of the server").ValueName("ADDRESS").ShowDefault();
  flags
      .Add("--model", photos.model,
           "Model to ask; may be left out if the server has only one for the task")
      .ValueName("NAME");
  flags.Add("--version", photos.version, "Its version (default: the highest)").ValueName("N");
  flags.Add("--timeout", photos.timeout, "Seconds to wait for each answer")
      .ValueName("SECONDS")
      .Seconds(0.001, 3600)
      .ShowDefault();
  flags.Add("--concurrency", photos.concurrency, "Requests in flight")
      .ValueName("N")
      .Range(1, 256)
      .ShowDefault();
  flags.Add("--json", photos.json, "Write one JSON object a line, in the order of the files");
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(const PhotoFlags& flags) {
  constexpr absl::Duration kPatience = absl::Seconds(5);
  return Connect(flags.server, absl::Now() + std::min(absl::Seconds(flags.timeout), kPatience));
}

absl::Status ToAbslStatus(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

void SetTiming(const v1::Timing& timing, Outcome& outcome) {
  outcome.queue = ToDuration(timing.queue());
  outcome.decode = ToDuration(timing.decode());
  outcome.compute = ToDuration(timing.compute());
  outcome.batch_size = static_cast<int>(timing.batch_size());
}

std::string Percent(double fraction) { return absl::StrFormat("%.2f %%", fraction * 100); }

void PrintOutcome(const Outcome& outcome, std::ostream& out) {
  if (!outcome.status.ok()) {
    out << Printable(absl::StrCat(outcome.file, ": ", ErrorText(outcome.status))) << "\n";
    return;
  }
  out << Printable(absl::StrCat(outcome.file, ": ", outcome.model, " version ", outcome.version,
                                ", ", Milliseconds(outcome.total)))
      << " (queue " << Milliseconds(outcome.queue) << ", decode " << Milliseconds(outcome.decode)
      << ", compute " << Milliseconds(outcome.compute) << ", batch of " << outcome.batch_size
      << ")\n\n";
  outcome.answer->Print(out);
}

void PrintOutcomes(const std::vector<Outcome>& outcomes, const Summary& titles, std::ostream& out) {
  constexpr auto kRight = Table::Align::kRight;
  Table table({{"file"}, {titles.value, kRight}, {"time", kRight}, {titles.note}});
  for (const Outcome& outcome : outcomes) {
    if (outcome.status.ok()) {
      const Summary summary = outcome.answer->Summarise();
      table.AddRow({outcome.file, summary.value, Milliseconds(outcome.total), summary.note});
    } else {
      table.AddRow({outcome.file, "-", "-", ErrorText(outcome.status)});
    }
  }
  table.Print(out);
}

void PrintOutcomeJson(const Outcome& outcome, std::ostream& out) {
  nlohmann::ordered_json line = {{"file", outcome.file}};
  if (!outcome.status.ok()) {
    line["error"] = {{"code", absl::StatusCodeToString(outcome.status.code())},
                     {"message", std::string(outcome.status.message())}};
  } else {
    line["model"] = outcome.model;
    line["version"] = outcome.version;
    line.update(outcome.answer->ToJson());
    line["timing_ms"] = {{"queue", absl::ToDoubleMilliseconds(outcome.queue)},
                         {"decode", absl::ToDoubleMilliseconds(outcome.decode)},
                         {"compute", absl::ToDoubleMilliseconds(outcome.compute)},
                         {"total", absl::ToDoubleMilliseconds(outcome.total)}};
    line["batch_size"] = outcome.batch_size;
    if (!outcome.warning.empty()) line["warning"] = outcome.warning;
  }
  WriteJsonLine(line, out);
}

int RunPhotoCalls(size_t files, const PhotoFlags& flags, const PhotoCall& call,
                  const Summary& titles, const Console& console) {
  std::vector<std::promise<Outcome>> outcomes(files);
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < files; i = next++) outcomes[i].set_value(call(i));
  };
  const size_t workers = std::min<size_t>(std::max(flags.concurrency, 1), files);
  std::vector<std::jthread> threads;
  for (size_t i = 0; i < workers; ++i) threads.emplace_back(work);
  Reporter reporter(console, flags.json, titles, files);
  for (std::promise<Outcome>& outcome : outcomes) reporter.Take(outcome.get_future().get());
  return reporter.Finish();
}

}  // namespace siskin::cli
