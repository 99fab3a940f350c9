// The few Python names that files of weights refer to, and what calling them makes. Nothing is
// imported or executed: each known name is a case in this file, and any other name is an error.
#ifndef SISKIN_SERVER_PULL_TORCH_OBJECTS_H_
#define SISKIN_SERVER_PULL_TORCH_OBJECTS_H_

#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/pull/pickle_value.h"

namespace siskin::pull {

inline constexpr size_t kMaxTensorRank = 8;

// INVALID_ARGUMENT, with the name, for one that weights do not need ("os.system").
absl::Status CheckGlobal(std::string_view name);

// What `name(*arguments)` returns. INVALID_ARGUMENT: it cannot be called so.
absl::StatusOr<PickleValue> CallGlobal(std::string_view name,
                                       absl::Span<const PickleValue* const> arguments);

// The storage that a persistent id stands for: ("storage", class, key, location, elements).
absl::StatusOr<TorchStorage> StorageOf(const PickleValue& persistent_id);

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_TORCH_OBJECTS_H_
