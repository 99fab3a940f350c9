// The files of server/admin/page, which CMake puts into the binary.
#ifndef SISKIN_SERVER_ADMIN_PAGE_ASSETS_H_
#define SISKIN_SERVER_ADMIN_PAGE_ASSETS_H_

#include <string_view>

namespace siskin::admin {

struct PageAsset {
  std::string_view path;  // of its URL: "/", "/status.css"
  const char* content_type;
  std::string_view content;
};

// The file that a path shows; nullptr if there is none.
const PageAsset* FindPageAsset(std::string_view path);
// Shown at "/" to those who have no access.
const PageAsset& LoginPage();

}  // namespace siskin::admin

#endif  // SISKIN_SERVER_ADMIN_PAGE_ASSETS_H_
