// A subcommand that asks a server about photos: its flags, the loop over the files, and how the
// outcomes are printed.
#ifndef SISKIN_SERVER_CLI_PHOTO_COMMAND_H_
#define SISKIN_SERVER_CLI_PHOTO_COMMAND_H_

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "server/cli/channel.h"
#include "server/cli/console.h"
#include "server/cli/photo_call.h"
#include "server/cli/progress_bar.h"
#include "server/cli/table.h"

namespace CLI {
class App;
}

namespace siskin::cli {

struct PhotoFlags {
  std::vector<std::string> paths;
  std::string server = kDefaultServer;
  std::string model;
  std::string version;
  double timeout = 10;  // seconds
  int concurrency = 4;
  bool json = false;

  CallOptions call_options() const { return {model, version, absl::Seconds(timeout)}; }
};
void AddPhotoFlags(CLI::App& app, PhotoFlags& flags);

// UNAVAILABLE: nobody answers.
absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(const PhotoFlags& flags);

// Asks about one file; called from several threads at a time. The result derives from Outcome.
template <typename Result>
using Ask = std::function<Result(const std::string& file)>;

// Prints results as they come (JSON) or together at the end, when the columns' widths are known.
// How one looks is said by the overloads of PrintOutcome, PrintOutcomes and PrintOutcomeJson.
template <typename Result>
class Reporter {
 public:
  Reporter(const Console& console, bool json, size_t files)
      : console_(console),
        json_(json),
        progress_(console.err, console.interactive && !json && files >= kManyFiles,
                  static_cast<int>(files)) {}

  void Take(Result result) {
    if (!result.status.ok()) ++failed_;
    if (!result.warning.empty()) warnings_.insert(result.warning);
    progress_.Update(++taken_);
    if (json_) {
      PrintOutcomeJson(result, console_.out);
    } else {
      results_.push_back(std::move(result));
    }
  }

  // Returns the exit code.
  int Finish() {
    progress_.Clear();
    if (results_.size() == 1) {
      PrintOutcome(results_.front(), console_.out);
    } else if (!results_.empty()) {
      PrintOutcomes(results_, console_.out);
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
  ProgressBar progress_;
  std::vector<Result> results_;
  std::set<std::string> warnings_;
  int failed_ = 0;
  int taken_ = 0;
};

// Asks about `files` with up to flags.concurrency requests at a time, and reports in the order of
// the files. `also`, if given, sees each result before it is reported. Returns the exit code.
template <typename Result>
int AskAboutPhotos(const std::vector<std::string>& files, const PhotoFlags& flags,
                   const Ask<Result>& ask, const Console& console,
                   const std::function<void(const Result&)>& also = nullptr) {
  std::vector<std::promise<Result>> results(files.size());
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < files.size(); i = next++) results[i].set_value(ask(files[i]));
  };
  const size_t workers = std::min<size_t>(std::max(flags.concurrency, 1), files.size());
  std::vector<std::jthread> threads;
  for (size_t i = 0; i < workers; ++i) threads.emplace_back(work);
  Reporter<Result> reporter(console, flags.json, files.size());
  for (std::promise<Result>& promise : results) {
    Result result = promise.get_future().get();
    if (also) also(result);
    reporter.Take(std::move(result));
  }
  return reporter.Finish();
}

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_PHOTO_COMMAND_H_
