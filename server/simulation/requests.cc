#include "server/simulation/requests.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "server/simulation/random.h"

namespace siskin::simulation {
namespace {

constexpr char kColumns[] = "seconds[,model][,images]";
// A year. Nanoseconds hold 292 of them.
constexpr double kMostSeconds = 366.0 * 24 * 3600;

int DrawGroup(double mean, Random& random) {
  if (mean <= 1) return 1;
  return 1 + static_cast<int>(std::log(1 - random.Uniform()) / std::log(1 - 1 / mean));
}

// Where the columns are; -1: nowhere.
struct Columns {
  int seconds = 0;
  int model = 1;
  int images = 2;
  int count = 3;  // at most
};

class TraceReader {
 public:
  TraceReader(const std::string& file, absl::Span<const std::string> models)
      : file_(file), models_(models) {}

  absl::Status Read(std::string_view text) {
    for (const absl::string_view whole :
         absl::StrSplit(absl::string_view(text.data(), text.size()), '\n')) {
      ++line_;
      const absl::string_view line = absl::StripAsciiWhitespace(whole);
      if (line.empty() || line.front() == '#') continue;
      SISKIN_RETURN_IF_ERROR(ReadLine(line));
    }
    if (!requests_.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(file_, ": no requests; expected lines of ", kColumns));
  }

  std::vector<Request> Take() {
    for (Request& request : requests_) request.time -= first_;
    return std::move(requests_);
  }

 private:
  template <typename... Parts>
  absl::Status Error(const Parts&... parts) const {
    return absl::InvalidArgumentError(absl::StrCat(file_, ":", line_, ": ", parts...));
  }

  absl::Status ReadLine(absl::string_view line) {
    std::vector<std::string> fields;
    for (const absl::string_view field : absl::StrSplit(line, ',')) {
      fields.emplace_back(absl::StripAsciiWhitespace(field));
    }
    if (requests_.empty() && !named_ && std::count(fields.begin(), fields.end(), "seconds") > 0) {
      return NameColumns(fields);
    }
    return AddRequest(fields);
  }

  absl::Status NameColumns(const std::vector<std::string>& names) {
    named_ = true;
    columns_ = {-1, -1, -1, static_cast<int>(names.size())};
    for (size_t i = 0; i < names.size(); ++i) {
      int* const column = names[i] == "seconds"  ? &columns_.seconds
                          : names[i] == "model"  ? &columns_.model
                          : names[i] == "images" ? &columns_.images
                                                 : nullptr;
      if (column == nullptr || *column >= 0) {
        return Error("expected the columns ", kColumns, ", each once, got '", names[i], "'");
      }
      *column = static_cast<int>(i);
    }
    return absl::OkStatus();
  }

  absl::Status AddRequest(const std::vector<std::string>& fields) {
    if (static_cast<int>(fields.size()) > columns_.count) {
      return Error("expected ", named_ ? absl::StrCat(columns_.count, " columns") : kColumns,
                   ", got ", fields.size(), " columns");
    }
    Request request;
    SISKIN_RETURN_IF_ERROR(ReadSeconds(Field(fields, columns_.seconds), request.time));
    SISKIN_RETURN_IF_ERROR(ReadModel(Field(fields, columns_.model), request.model));
    SISKIN_RETURN_IF_ERROR(ReadImages(Field(fields, columns_.images), request.images));
    if (requests_.empty()) first_ = request.time;
    requests_.push_back(request);
    return absl::OkStatus();
  }

  static std::string Field(const std::vector<std::string>& fields, int column) {
    return column >= 0 && column < static_cast<int>(fields.size()) ? fields[column] : "";
  }

  absl::Status ReadSeconds(const std::string& text, Nanoseconds& time) const {
    double seconds = 0;
    if (!absl::SimpleAtod(text, &seconds) || !(std::abs(seconds) <= 1e10)) {
      return Error("expected seconds, as a number, got '", text, "'");
    }
    time = static_cast<Nanoseconds>(std::llround(seconds * 1e9));
    if (requests_.empty()) return absl::OkStatus();
    if (time < requests_.back().time) {
      return Error("expected seconds that do not fall, got ", text, " after ",
                   static_cast<double>(requests_.back().time) * 1e-9, "; sort the trace");
    }
    if (static_cast<double>(time - first_) > kMostSeconds * 1e9) {
      return Error("expected seconds within a year, got ", text);
    }
    return absl::OkStatus();
  }

  absl::Status ReadModel(const std::string& text, int& model) const {
    if (text.empty() && models_.size() == 1) return absl::OkStatus();
    const auto found = std::find(models_.begin(), models_.end(), text);
    if (found == models_.end()) {
      return Error("no costs of a model '", text, "', only of ", absl::StrJoin(models_, ", "));
    }
    model = static_cast<int>(found - models_.begin());
    return absl::OkStatus();
  }

  absl::Status ReadImages(const std::string& text, int& images) const {
    if (text.empty()) return absl::OkStatus();
    if (absl::SimpleAtoi(text, &images) && images >= 1 && images <= kMostImages) {
      return absl::OkStatus();
    }
    return Error("expected 1 to ", kMostImages, " images, got '", text, "'");
  }

  const std::string& file_;
  const absl::Span<const std::string> models_;
  int64_t line_ = 0;
  bool named_ = false;
  Columns columns_;
  Nanoseconds first_ = 0;
  std::vector<Request> requests_;
};

}  // namespace

std::vector<Request> DrawRequests(const LoadOptions& options) {
  Random random(options.seed);
  std::vector<Request> requests;
  const double gap = 1e9 * options.burst / options.rate;
  double groups = 0;  // of the gaps so far, in mean gaps
  while (true) {
    groups += random.Exponential();
    const double time = groups * gap;
    if (time >= static_cast<double>(options.until)) return requests;
    for (int left = DrawGroup(options.burst, random); left > 0; --left) {
      if (static_cast<int64_t>(requests.size()) >= options.requests) return requests;
      requests.push_back({static_cast<Nanoseconds>(time), options.model, options.images});
    }
  }
}

absl::StatusOr<std::vector<Request>> ParseTrace(std::string_view text, const std::string& file,
                                                absl::Span<const std::string> models) {
  TraceReader reader(file, models);
  SISKIN_RETURN_IF_ERROR(reader.Read(text));
  return reader.Take();
}

}  // namespace siskin::simulation
