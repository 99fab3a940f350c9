// What a pickle of weights may hold, and what the few Python names that it refers to make of their
// arguments. Nothing is imported or executed: each known name is a case in pickle_value.cc, and any
// other name is an error.
//
// Values belong to their Pickle (pickle.h) and are shared by pointers within it.
#ifndef SISKIN_SERVER_PULL_TORCH_PICKLE_VALUE_H_
#define SISKIN_SERVER_PULL_TORCH_PICKLE_VALUE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace siskin::pull {

inline constexpr size_t kMaxTensorRank = 8;

struct PickleValue;

struct PickleNone {};
struct PickleList {
  std::vector<const PickleValue*> items;
};
struct PickleTuple {
  std::vector<const PickleValue*> items;
};
struct PickleDict {  // in the order of insertion; a key may occur twice
  std::vector<std::pair<const PickleValue*, const PickleValue*>> items;
};
struct PickleGlobal {  // a name only: nothing is ever imported
  std::string name;    // "collections.OrderedDict"
};

enum class ElementType { kF32, kF64, kF16, kBF16, kI64, kOther };

// A named run of numbers outside the pickle.
struct TorchStorage {
  std::string key;
  ElementType type = ElementType::kF32;
  int64_t element_size = 4;  // bytes
  int64_t elements = 0;
};

// A view of a storage. Nothing about it is checked yet but that the numbers are not negative.
struct TorchTensor {
  TorchStorage storage;
  int64_t offset = 0;  // in elements, as strides are
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;
};

struct PickleValue {
  std::variant<PickleNone, bool, int64_t, double, std::string, PickleList, PickleTuple, PickleDict,
               PickleGlobal, TorchStorage, TorchTensor>
      value;

  template <typename T>
  const T* As() const {  // nullptr: it is something else
    return std::get_if<T>(&value);
  }
};

// INVALID_ARGUMENT, with the name, for one that weights do not need ("os.system").
absl::Status CheckGlobal(std::string_view name);

// What `name(*arguments)` returns. INVALID_ARGUMENT: it cannot be called so.
absl::StatusOr<PickleValue> CallGlobal(std::string_view name,
                                       absl::Span<const PickleValue* const> arguments);

// The storage that a persistent id stands for: ("storage", class, key, location, elements).
absl::StatusOr<TorchStorage> StorageOf(const PickleValue& persistent_id);

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_TORCH_PICKLE_VALUE_H_
