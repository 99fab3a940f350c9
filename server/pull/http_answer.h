// What the status and headers of an HTTP response mean for a download.
#ifndef SISKIN_SERVER_PULL_HTTP_ANSWER_H_
#define SISKIN_SERVER_PULL_HTTP_ANSWER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/pull/http.h"

namespace siskin::pull {

bool IsRedirect(int status);

// "bytes 5-9/10" is {5, 10}; "bytes */10" has no first. nullopt: something else.
struct ContentRange {
  std::optional<int64_t> first;
  std::optional<int64_t> total;
};
std::optional<ContentRange> ParseContentRange(std::string_view header);

// The entity tag, if it promises the same bytes; "" otherwise ("W/...").
std::string StrongEtag(const HttpResponse& response);

// The file's size; 0 if the response does not say.
int64_t TotalBytes(const HttpResponse& response);

// Seconds only; zero for anything else.
absl::Duration RetryAfter(const HttpResponse& response);

// The hub's error, as a sentence that says what to do. REQUIRES: a status of 400 or above.
absl::Status ErrorOf(const HttpResponse& response, const std::string& url);

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_HTTP_ANSWER_H_
