#include "tests/server/pull/torch/torch_files.h"

#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/pull/torch/pickles.h"

namespace siskin::testing {
namespace {

std::string Tuple(const std::vector<int64_t>& numbers) {
  std::string text = "(";
  for (int64_t number : numbers) text += Int(static_cast<int32_t>(number));
  return text + "t";
}

std::vector<int64_t> Strides(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t axis = shape.size(); axis-- > 0; stride *= shape[axis]) strides[axis] = stride;
  return strides;
}

// An OrderedDict of tensors, the n-th of which has the storage n.
std::string StateDict(const StoredModel& model) {
  std::string pickle = kProto2 + Global("collections", "OrderedDict") + ")R(";
  int index = 0;
  for (const auto& [key, tensor] : model) {
    const auto elements = static_cast<int32_t>(tensor.values.size());
    pickle += Text(key) + Tensor(Storage(absl::StrCat(index++), elements), 0, Tuple(tensor.shape),
                                 Tuple(Strides(tensor.shape)));
  }
  return pickle + "u.";
}

std::string Data(const StoredTensor& tensor) {
  return {reinterpret_cast<const char*>(tensor.values.data()),
          tensor.values.size() * sizeof(float)};
}

class ZipWriter {
 public:
  void Add(const std::string& name, const std::string& data) {
    const std::string facts = std::string(14, '\0') + Little(data.size(), 4) +
                              Little(data.size(), 4) + Little(name.size(), 2) + Little(0, 2);
    directory_ += "PK\x01\x02" + Little(0, 2) + facts + std::string(10, '\0') +
                  Little(file_.size(), 4) + name;
    file_ += "PK\x03\x04" + facts + name + data;
    ++entries_;
  }
  std::string Finish() const {
    return file_ + directory_ + "PK\x05\x06" + Little(0, 4) + Little(entries_, 2) +
           Little(entries_, 2) + Little(directory_.size(), 4) + Little(file_.size(), 4) +
           Little(0, 2);
  }

 private:
  std::string file_;
  std::string directory_;
  int entries_ = 0;
};

}  // namespace

std::string TorchZip(const StoredModel& model) {
  ZipWriter zip;
  zip.Add("net/data.pkl", StateDict(model));
  int index = 0;
  for (const auto& [key, tensor] : model) {
    zip.Add(absl::StrCat("net/data/", index++), Data(tensor));
  }
  zip.Add("net/version", "3\n");
  return zip.Finish();
}

std::string TorchLegacy(const StoredModel& model) {
  std::string file("\x80\x02\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.", 15);
  file += kProto2 + "M\xe9\x03." + kProto2 + "}" + Text("little_endian") + "\x88s." +
          StateDict(model) + kProto2 + "](";
  for (size_t index = 0; index < model.size(); ++index) file += Text(absl::StrCat(index));
  file += "e.";
  for (const auto& [key, tensor] : model) file += Little(tensor.values.size(), 8) + Data(tensor);
  return file;
}

}  // namespace siskin::testing
