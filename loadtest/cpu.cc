#include "loadtest/cpu.h"

#include <civetweb.h>
#include <sys/resource.h>

#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace siskin::loadtest {
namespace {

constexpr size_t kMaxMetricsBytes = 4 << 20;

double ToSeconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

struct Close {
  void operator()(mg_connection* connection) const { mg_close_connection(connection); }
};

absl::StatusOr<std::string> FetchMetrics(const std::string& admin) {
  const size_t colon = admin.rfind(':');
  int port = 0;
  if (colon == std::string::npos || !absl::SimpleAtoi(admin.substr(colon + 1), &port)) {
    return absl::InvalidArgumentError(absl::StrCat("\"", admin, "\": expected HOST:PORT"));
  }
  char error[256] = "";
  const std::unique_ptr<mg_connection, Close> connection(
      mg_download(admin.substr(0, colon).c_str(), port, /*use_ssl=*/0, error, sizeof(error),
                  "GET /metrics HTTP/1.0\r\nHost: %s\r\n\r\n", admin.c_str()));
  if (connection == nullptr) {
    return absl::UnavailableError(absl::StrCat("http://", admin, "/metrics: ", error));
  }
  const int code = mg_get_response_info(connection.get())->status_code;
  if (code != 200) {
    return absl::UnavailableError(absl::StrCat("http://", admin, "/metrics: HTTP status ", code));
  }
  std::string text;
  char buffer[16384];
  for (int got; (got = mg_read(connection.get(), buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<size_t>(got));
    if (text.size() > kMaxMetricsBytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat("http://", admin, "/metrics: more than ", kMaxMetricsBytes, " bytes"));
    }
  }
  return text;
}

}  // namespace

double ClientCpuSeconds() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return ToSeconds(usage.ru_utime) + ToSeconds(usage.ru_stime);
}

absl::StatusOr<double> ServerCpuSeconds(const std::string& admin) {
  const absl::StatusOr<std::string> text = FetchMetrics(admin);
  if (!text.ok()) return text.status();
  return FindSample(*text, "process_cpu_seconds_total");
}

absl::StatusOr<double> FindSample(absl::string_view text, absl::string_view name) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    double value = 0.0;
    if (absl::ConsumePrefix(&line, name) && absl::ConsumePrefix(&line, " ") &&
        absl::SimpleAtod(line, &value)) {
      return value;
    }
  }
  return absl::NotFoundError(absl::StrCat("the server's metrics have no ", name));
}

}  // namespace siskin::loadtest
