#include "ops/checkpoint.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "ops/safetensors_header.h"

namespace siskin::ops {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian");

constexpr size_t kPrefixBytes = 8;  // the header's length

// A whole file, mapped read-only until destruction.
class MappedFile {
 public:
  static absl::StatusOr<std::shared_ptr<const MappedFile>> Map(const std::string& path) {
    // O_NONBLOCK: a pipe is refused below instead of being waited for.
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
    auto file = MapDescriptor(fd, path);
    close(fd);  // the map stays
    return file;
  }

  ~MappedFile() {
    if (size_ > 0) munmap(data_, size_);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  absl::Span<const uint8_t> bytes() const { return {static_cast<const uint8_t*>(data_), size_}; }

 private:
  MappedFile(void* data, size_t size) : data_(data), size_(size) {}

  static absl::StatusOr<std::shared_ptr<const MappedFile>> MapDescriptor(int fd,
                                                                         const std::string& path) {
    struct stat info;
    if (fstat(fd, &info) != 0) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot stat ", path));
    }
    if (!S_ISREG(info.st_mode)) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": expected a safetensors file, found ",
                       S_ISDIR(info.st_mode) ? "a directory" : "something that is no file"));
    }
    const size_t size = static_cast<size_t>(info.st_size);
    void* data = nullptr;  // an empty file cannot be mapped; Parse refuses it
    if (size > 0) {
      data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
      if (data == MAP_FAILED) {
        return absl::ErrnoToStatus(errno, absl::StrCat("cannot map ", path));
      }
    }
    return std::shared_ptr<const MappedFile>(new MappedFile(data, size));
  }

  void* data_;
  size_t size_;
};

absl::StatusOr<std::string_view> HeaderText(absl::Span<const uint8_t> bytes) {
  if (bytes.size() < kPrefixBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a safetensors file has at least 8 bytes, this one has ", bytes.size(), ": truncated?"));
  }
  uint64_t length;
  std::memcpy(&length, bytes.data(), kPrefixBytes);
  if (length > bytes.size() - kPrefixBytes) {
    return absl::InvalidArgumentError(absl::StrCat("announces a header of ", length,
                                                   " bytes, but the file has only ", bytes.size(),
                                                   ": truncated, or not a safetensors file"));
  }
  return std::string_view(reinterpret_cast<const char*>(bytes.data()) + kPrefixBytes, length);
}

// Every byte of the data belongs to exactly one tensor.
absl::Status CheckLayout(const SafetensorsHeader& header, int64_t data_size) {
  using Named = std::pair<const std::string, HeaderEntry>;
  std::vector<const Named*> by_offset;
  for (const Named& tensor : header.tensors) by_offset.push_back(&tensor);
  const auto place = [](const Named* t) { return std::pair(t->second.begin, t->second.end); };
  std::sort(by_offset.begin(), by_offset.end(),
            [&](const Named* a, const Named* b) { return place(a) < place(b); });

  int64_t covered = 0;
  for (const Named* tensor : by_offset) {
    const auto& [name, entry] = *tensor;
    const std::string what = absl::StrCat("tensor ", QuoteForMessage(name), ": data_offsets [",
                                          entry.begin, ", ", entry.end, "]");
    if (entry.end > data_size) {
      return absl::InvalidArgumentError(absl::StrCat(what, " end beyond the ", data_size,
                                                     " bytes of data: the file is truncated"));
    }
    if (entry.begin != covered) {
      return absl::InvalidArgumentError(
          absl::StrCat(what, entry.begin < covered ? " overlap another tensor" : " leave a hole",
                       ": expected to begin at ", covered));
    }
    covered = entry.end;
  }
  if (covered != data_size) {
    return absl::InvalidArgumentError(
        absl::StrCat("the tensors end at byte ", covered, " of ", data_size, " bytes of data"));
  }
  return absl::OkStatus();
}

std::vector<float> Widen(absl::Span<const uint8_t> bytes, float (*convert)(uint16_t)) {
  std::vector<float> values(bytes.size() / sizeof(uint16_t));
  for (size_t i = 0; i < values.size(); ++i) {
    uint16_t half;
    std::memcpy(&half, bytes.data() + i * sizeof(half), sizeof(half));
    values[i] = convert(half);
  }
  return values;
}

// In place if the file's padding allows it.
TensorData ReadF32(absl::Span<const uint8_t> bytes, std::shared_ptr<const void> owner) {
  const size_t count = bytes.size() / sizeof(float);
  if (count == 0) return TensorData();
  if (reinterpret_cast<uintptr_t>(bytes.data()) % alignof(float) == 0) {
    return TensorData({reinterpret_cast<const float*>(bytes.data()), count}, std::move(owner));
  }
  std::vector<float> values(count);
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return TensorData(std::move(values));
}

}  // namespace

std::string ShapeToString(absl::Span<const int64_t> shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

absl::StatusOr<Checkpoint> Checkpoint::Open(const std::string& path) {
  SISKIN_ASSIGN_OR_RETURN(auto file, MappedFile::Map(path));
  const absl::Span<const uint8_t> bytes = file->bytes();
  return Parse(bytes, std::move(file), path);
}

absl::StatusOr<Checkpoint> Checkpoint::Parse(absl::Span<const uint8_t> bytes,
                                             std::shared_ptr<const void> owner, std::string name) {
  const auto in_file = [&name](const absl::Status& status) {
    return absl::Status(status.code(), absl::StrCat(name, ": ", status.message()));
  };
  const absl::StatusOr<std::string_view> text = HeaderText(bytes);
  if (!text.ok()) return in_file(text.status());
  absl::StatusOr<SafetensorsHeader> header = ParseSafetensorsHeader(*text);
  if (!header.ok()) return in_file(header.status());
  const absl::Span<const uint8_t> data = bytes.subspan(kPrefixBytes + text->size());
  const absl::Status layout = CheckLayout(*header, static_cast<int64_t>(data.size()));
  if (!layout.ok()) return in_file(layout);

  Checkpoint checkpoint;
  checkpoint.name_ = std::move(name);
  checkpoint.metadata_ = std::move(header->metadata);
  checkpoint.owner_ = std::move(owner);
  for (auto& [key, entry] : header->tensors) {
    const auto values = data.subspan(entry.begin, entry.end - entry.begin);
    checkpoint.tensors_.emplace(key, TensorEntry{entry.dtype, std::move(entry.shape), values});
  }
  return checkpoint;
}

absl::StatusOr<TensorData> Checkpoint::Read(std::string_view key) const {
  const auto found = tensors_.find(key);
  if (found == tensors_.end()) {
    return absl::NotFoundError(absl::StrCat(name_, ": no tensor ", QuoteForMessage(key)));
  }
  const TensorEntry& entry = found->second;
  switch (entry.dtype) {
    case DType::kF32:
      return ReadF32(entry.bytes, owner_);
    case DType::kF16:
      return TensorData(Widen(entry.bytes, FloatFromF16));
    case DType::kBF16:
      return TensorData(Widen(entry.bytes, FloatFromBF16));
    case DType::kI64:
      break;
  }
  return absl::InvalidArgumentError(absl::StrCat(name_, ": tensor ", QuoteForMessage(key),
                                                 ": expected F32, F16 or BF16 values, found ",
                                                 ToString(entry.dtype)));
}

}  // namespace siskin::ops
