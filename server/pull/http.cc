#include "server/pull/http.h"

#include <curl/curl.h>

#include <array>
#include <cstdlib>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace siskin::pull {
namespace {

constexpr size_t kMaxHeaders = 200;
constexpr char kUserAgent[] = "siskin";

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

}  // namespace

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

}  // namespace siskin::pull
