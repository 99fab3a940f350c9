#include "server/admin/access.h"

#include <civetweb.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace siskin::admin {
namespace {

constexpr char kCookie[] = "siskin_session";
constexpr std::string_view kScheme = "Bearer ";

bool SameSecret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  volatile uint8_t difference = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference = difference | (static_cast<uint8_t>(a[i]) ^ static_cast<uint8_t>(b[i]));
  }
  return difference == 0;
}

// 256 bits of the system's randomness in hexadecimal digits.
std::string RandomSession() {
  std::random_device random;
  std::string session;
  for (int i = 0; i < 8; ++i) absl::StrAppend(&session, absl::Hex(random(), absl::kZeroPad8));
  return session;
}

std::string CookieOf(const HttpRequest& request) {
  const std::string cookies(request.Header("Cookie"));
  std::string value(cookies.size() + 1, '\0');
  const int length = mg_get_cookie(cookies.c_str(), kCookie, value.data(), value.size());
  value.resize(length > 0 ? static_cast<size_t>(length) : 0);
  return value;
}

}  // namespace

absl::StatusOr<std::string> ParseToken(std::string_view text) {
  const std::string token(absl::StripAsciiWhitespace(absl::string_view(text.data(), text.size())));
  const bool visible =
      std::all_of(token.begin(), token.end(), [](char c) { return absl::ascii_isgraph(c); });
  if (token.size() < kMinTokenBytes || !visible) {
    return absl::InvalidArgumentError(
        absl::StrCat("a token is a word of at least ", kMinTokenBytes,
                     " visible ASCII characters, such as `openssl rand -hex 32` prints"));
  }
  return token;
}

Access::Access(std::string token) : token_(std::move(token)), session_(RandomSession()) {}

bool Access::IsToken(std::string_view offered) const {
  return has_token() && SameSecret(offered, token_);
}

bool Access::Allows(const HttpRequest& request) const {
  if (!has_token()) return true;
  const std::string_view authorization = request.Header("Authorization");
  if (authorization.substr(0, kScheme.size()) == kScheme &&
      IsToken(authorization.substr(kScheme.size()))) {
    return true;
  }
  return SameSecret(CookieOf(request), session_);
}

std::string Access::SessionCookie() const {
  return absl::StrCat(kCookie, "=", session_, "; Path=/; HttpOnly; SameSite=Strict");
}

bool MayBeCrossSite(const HttpRequest& request) {
  if (request.Header("X-Requested-With").empty()) return true;
  const std::string_view site = request.Header("Sec-Fetch-Site");
  return !site.empty() && site != "same-origin" && site != "none";
}

}  // namespace siskin::admin
