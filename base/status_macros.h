// Early returns for absl::Status, as used throughout the project.
//
//   SISKIN_RETURN_IF_ERROR(expr);            expr is an absl::Status
//   SISKIN_ASSIGN_OR_RETURN(auto x, expr);   expr is an absl::StatusOr<T>
#ifndef SISKIN_BASE_STATUS_MACROS_H_
#define SISKIN_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define SISKIN_RETURN_IF_ERROR(expr)                                    \
  do {                                                                  \
    if (::absl::Status siskin_status_ = (expr); !siskin_status_.ok()) { \
      return siskin_status_;                                            \
    }                                                                   \
  } while (false)

#define SISKIN_ASSIGN_OR_RETURN(lhs, expr) \
  SISKIN_ASSIGN_OR_RETURN_IMPL_(SISKIN_CONCAT_(siskin_or_, __LINE__), lhs, expr)
#define SISKIN_ASSIGN_OR_RETURN_IMPL_(var, lhs, expr) \
  auto var = (expr);                                  \
  if (!var.ok()) return std::move(var).status();      \
  lhs = *std::move(var)
#define SISKIN_CONCAT_(a, b) SISKIN_CONCAT_IMPL_(a, b)
#define SISKIN_CONCAT_IMPL_(a, b) a##b

#endif  // SISKIN_BASE_STATUS_MACROS_H_
