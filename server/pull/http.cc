#include "server/pull/http.h"

#include <curl/curl.h>

#include <array>
#include <cstdlib>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "ops/safetensors_header.h"

namespace siskin::pull {
namespace {

constexpr size_t kMaxHeaders = 200;
constexpr char kUserAgent[] = "siskin";

struct UrlDeleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using UrlHandle = std::unique_ptr<CURLU, UrlDeleter>;

std::string UrlPart(const UrlHandle& url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), part, &text, flags) != CURLUE_OK) return "";
  std::string copy = text;
  curl_free(text);
  return copy;
}

bool IsLoopback(const std::string& host) {
  const bool is_number = host.find_first_not_of("0123456789.") == std::string::npos;
  return host == "localhost" || host == "[::1]" || (is_number && absl::StartsWith(host, "127."));
}

// Sets the whole of `url`, or what a relative `text` changes of it.
absl::StatusOr<Url> ParseInto(const UrlHandle& url, std::string_view text) {
  const std::string quoted = ops::QuoteForMessage(text);
  const CURLUcode code = curl_url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), 0);
  if (code != CURLUE_OK) {
    return absl::InvalidArgumentError(
        absl::StrCat(quoted, " is no URL: ", curl_url_strerror(code)));
  }
  Url parsed;
  parsed.scheme = UrlPart(url, CURLUPART_SCHEME);
  const std::string host = UrlPart(url, CURLUPART_HOST);
  if (parsed.scheme != "https" && parsed.scheme != "http") {
    return absl::InvalidArgumentError(absl::StrCat(quoted, ": expected an https URL"));
  }
  if (!UrlPart(url, CURLUPART_USER).empty() || !UrlPart(url, CURLUPART_PASSWORD).empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(parsed.scheme, "://", host, ": a URL with a user or password is not used"));
  }
  parsed.text = UrlPart(url, CURLUPART_URL);
  parsed.path = UrlPart(url, CURLUPART_PATH);
  parsed.origin = absl::StrCat(parsed.scheme, "://", host, ":",
                               UrlPart(url, CURLUPART_PORT, CURLU_DEFAULT_PORT));
  // Not what a name resolves to: names of others may point to this machine.
  parsed.loopback = IsLoopback(host);
  return parsed;
}

struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Headers = std::unique_ptr<curl_slist, ListDeleter>;

struct Transfer {
  HttpBody body;
  HttpResponse response;
  absl::Status body_status;
};

// A line of the header, "Name: value\r\n"; its first line is "HTTP/1.1 200 OK".
size_t OnHeader(char* data, size_t, size_t size, void* user) {
  auto& response = static_cast<Transfer*>(user)->response;
  const std::string_view line(data, size);
  const size_t colon = line.find(':');
  if (line.starts_with("HTTP/")) {
    response.headers.clear();  // what came before was an interim response
  } else if (colon != std::string_view::npos && response.headers.size() < kMaxHeaders) {
    const std::string value(line.substr(colon + 1));
    response.headers[absl::AsciiStrToLower(std::string(line.substr(0, colon)))] =
        std::string(absl::StripAsciiWhitespace(value));
  }
  return size;
}

size_t OnBody(char* data, size_t, size_t size, void* user);

absl::Status FromCurl(CURLcode code, const char* detail) {
  const std::string why = *detail != '\0' ? detail : curl_easy_strerror(code);
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return absl::FailedPreconditionError(absl::StrCat(
          why,
          "; if a proxy or mirror has a certificate authority of its own, name its file in "
          "SSL_CERT_FILE"));
    case CURLE_OUT_OF_MEMORY:
      return absl::ResourceExhaustedError(why);
    default:
      return absl::UnavailableError(why);
  }
}

class Connection {
 public:
  explicit Connection(Transfer& transfer) : easy_(curl_easy_init()), transfer_(transfer) {}

  void SetUp(const std::string& url, const std::vector<std::string>& headers,
             const HttpTimeouts& timeouts) {
    for (const std::string& header : headers) {
      headers_.reset(curl_slist_append(headers_.release(), header.c_str()));
    }
    Set(CURLOPT_URL, url.c_str());
    Set(CURLOPT_HTTPHEADER, headers_.get());
    Set(CURLOPT_USERAGENT, kUserAgent);
    Set(CURLOPT_PROTOCOLS_STR, "http,https");
    Set(CURLOPT_NOSIGNAL, 1L);
    Set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    Set(CURLOPT_CONNECTTIMEOUT_MS, absl::ToInt64Milliseconds(timeouts.connect));
    Set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    Set(CURLOPT_LOW_SPEED_TIME, absl::ToInt64Seconds(timeouts.stall));
    Set(CURLOPT_HEADERFUNCTION, OnHeader);
    Set(CURLOPT_HEADERDATA, &transfer_);
    Set(CURLOPT_WRITEFUNCTION, OnBody);
    Set(CURLOPT_WRITEDATA, this);
    Set(CURLOPT_ERRORBUFFER, error_.data());
    if (const char* authorities = std::getenv("SSL_CERT_FILE")) Set(CURLOPT_CAINFO, authorities);
  }

  absl::StatusOr<HttpResponse> Run() {
    const CURLcode code = curl_easy_perform(easy_.get());
    if (!transfer_.body_status.ok()) return transfer_.body_status;
    if (code != CURLE_OK) return FromCurl(code, error_.data());
    transfer_.response.status = Status();
    return std::move(transfer_.response);
  }

  size_t TakeBody(std::string_view bytes) {
    transfer_.response.status = Status();
    transfer_.body_status = transfer_.body(transfer_.response, bytes);
    return transfer_.body_status.ok() ? bytes.size() : CURL_WRITEFUNC_ERROR;
  }

 private:
  template <typename T>
  void Set(CURLoption option, T value) {
    curl_easy_setopt(easy_.get(), option, value);
  }

  int Status() const {
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    return static_cast<int>(status);
  }

  std::unique_ptr<CURL, EasyDeleter> easy_;
  Headers headers_;
  Transfer& transfer_;
  std::array<char, CURL_ERROR_SIZE> error_ = {};
};

size_t OnBody(char* data, size_t, size_t size, void* user) {
  return static_cast<Connection*>(user)->TakeBody({data, size});
}

std::optional<int64_t> ParseNumber(const std::string& text) {
  int64_t number = 0;
  if (!absl::SimpleAtoi(text, &number) || number < 0) return std::nullopt;
  return number;
}

}  // namespace

absl::StatusOr<Url> ParseUrl(std::string_view text) {
  return ParseInto(UrlHandle(curl_url()), text);
}

absl::StatusOr<Url> ResolveUrl(const Url& base, std::string_view location) {
  UrlHandle url(curl_url());
  curl_url_set(url.get(), CURLUPART_URL, base.text.c_str(), 0);
  return ParseInto(url, location);
}

std::string ForMessage(const Url& url) { return url.text.substr(0, url.text.find('?')); }

std::string HttpResponse::Header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

absl::StatusOr<HttpResponse> HttpGet(const std::string& url,
                                     const std::vector<std::string>& headers,
                                     const HttpTimeouts& timeouts, HttpBody body) {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (initialised != CURLE_OK) return FromCurl(initialised, "");
  Transfer transfer{body, {}, absl::OkStatus()};
  Connection connection(transfer);
  connection.SetUp(url, headers, timeouts);
  return connection.Run();
}

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::optional<ContentRange> ParseContentRange(std::string_view header) {
  constexpr std::string_view kUnit = "bytes ";
  if (!header.starts_with(kUnit)) return std::nullopt;
  const std::vector<std::string> parts =
      absl::StrSplit(std::string(header.substr(kUnit.size())), '/');
  if (parts.size() != 2) return std::nullopt;
  ContentRange range;
  range.first = ParseNumber(parts[0].substr(0, parts[0].find('-')));
  range.total = ParseNumber(parts[1]);
  return range;
}

std::string StrongEtag(const HttpResponse& response) {
  std::string etag = response.Header("etag");
  return etag.starts_with('"') ? etag : "";
}

int64_t TotalBytes(const HttpResponse& response) {
  const auto range = ParseContentRange(response.Header("content-range"));
  if (range.has_value()) return range->total.value_or(0);
  return ParseNumber(response.Header("content-length")).value_or(0);
}

absl::Duration RetryAfter(const HttpResponse& response) {
  return absl::Seconds(ParseNumber(response.Header("retry-after")).value_or(0));
}

absl::Status ErrorOf(const HttpResponse& response, const std::string& url) {
  const int status = response.status;
  const std::string code = response.Header("x-error-code");  // the hub's
  const std::string what = absl::StrCat(url, ": HTTP ", status);
  if (code == "GatedRepo") {
    return absl::PermissionDeniedError(
        absl::StrCat(what,
                     ": access must be granted first; ask for it on the model's page, then "
                     "set HF_TOKEN to your token"));
  }
  if (status == 401 || status == 403) {
    // The hub answers so, too, if there is no such model: a private one shall not show.
    return absl::PermissionDeniedError(
        absl::StrCat(what,
                     ": there is no such file, or it is private; check the name, or set "
                     "HF_TOKEN to a token that may read it"));
  }
  if (status == 404 || status == 410) {
    return absl::NotFoundError(absl::StrCat(what, code == "RevisionNotFound"
                                                      ? ": no such revision"
                                                      : ": no such file; check the name"));
  }
  if (status == 408 || status == 429 || status >= 500) return absl::UnavailableError(what);
  return absl::FailedPreconditionError(absl::StrCat(what, ", which is no answer to a download"));
}

}  // namespace siskin::pull
