// Who may use the status page: everybody who reaches it, or who knows a token.
//
// A token is shown as "Authorization: Bearer TOKEN", or once at the login form, which answers with
// a session cookie: a random value of this process, so that the token itself stays in no browser
// and a restart ends all sessions. Comparisons take the same time wherever the values differ.
//
// Thread-safe.
#ifndef SISKIN_SERVER_ADMIN_ACCESS_H_
#define SISKIN_SERVER_ADMIN_ACCESS_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/admin/http.h"

namespace siskin::admin {

inline constexpr size_t kMinTokenBytes = 16;

// The token in a file's text: visible ASCII, spaces and line ends around it dropped.
// INVALID_ARGUMENT: shorter than kMinTokenBytes, or other characters. The message does not quote
// it.
absl::StatusOr<std::string> ParseToken(std::string_view text);

class Access {
 public:
  explicit Access(std::string token);  // empty: everybody may

  bool has_token() const { return !token_.empty(); }
  bool IsToken(std::string_view offered) const;
  bool Allows(const HttpRequest& request) const;
  // The value of a Set-Cookie header: HttpOnly, and never sent with what other sites start.
  std::string SessionCookie() const;

 private:
  const std::string token_;
  const std::string session_;
};

// True if a browser may have been made to send this request by another site: it lacks the header
// X-Requested-With, which no site can add to a request to another, or says so itself
// (Sec-Fetch-Site).
bool MayBeCrossSite(const HttpRequest& request);

}  // namespace siskin::admin

#endif  // SISKIN_SERVER_ADMIN_ACCESS_H_
