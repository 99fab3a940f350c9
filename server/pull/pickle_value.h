// What a pickle of weights may hold. Values belong to their Pickle (pickle.h) and are shared by
// pointers within it.
#ifndef SISKIN_SERVER_PULL_PICKLE_VALUE_H_
#define SISKIN_SERVER_PULL_PICKLE_VALUE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace siskin::pull {

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

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_PICKLE_VALUE_H_
