// Field by field after PKWARE's APPNOTE.TXT, sections 4.3.7 (local header), 4.3.12 (directory) and
// 4.3.16 (its end).
#include "server/pull/torch/zip_archive.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/safetensors_header.h"
#include "server/pull/torch/byte_reader.h"

namespace siskin::pull {
namespace {

using Bytes = absl::Span<const uint8_t>;

constexpr uint32_t kLocalSignature = 0x04034b50;
constexpr uint32_t kDirectorySignature = 0x02014b50;
constexpr uint32_t kEndSignature = 0x06054b50;
constexpr size_t kEndBytes = 22;
constexpr uint16_t kStored = 0;
constexpr uint16_t kEncrypted = 1;  // a flag
constexpr uint32_t kInZip64 = 0xffffffff;

// The headers without what follows them: name, extra fields, comment.
#pragma pack(push, 1)
struct LocalHeader {
  uint32_t signature;
  uint16_t version, flags, method, time, date;
  uint32_t crc32, stored_size, size;  // zero if they follow the data
  uint16_t name_bytes, extra_bytes;
};
struct DirectoryHeader {
  uint32_t signature;
  uint16_t version_made, version, flags, method, time, date;
  uint32_t crc32, stored_size, size;
  uint16_t name_bytes, extra_bytes, comment_bytes, disk, internal_attributes;
  uint32_t external_attributes, offset;
};
struct DirectoryEnd {
  uint32_t signature;
  uint16_t disk, directory_disk, entries_on_disk, entries;
  uint32_t directory_bytes, directory_offset;
  uint16_t comment_bytes;
};
#pragma pack(pop)
static_assert(sizeof(LocalHeader) == 30 && sizeof(DirectoryHeader) == 46 &&
              sizeof(DirectoryEnd) == kEndBytes);

absl::Status Malformed(const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("zip archive: ", what));
}

absl::StatusOr<DirectoryEnd> ReadEnd(Bytes bytes) {
  if (bytes.size() < kEndBytes) return Malformed("too short; truncated?");
  const size_t at = bytes.size() - kEndBytes;
  SISKIN_ASSIGN_OR_RETURN(const auto end, ByteReader(bytes.subspan(at)).Number<DirectoryEnd>());
  if (end.signature != kEndSignature || end.comment_bytes != 0) {
    return Malformed("does not end with its directory; truncated?");
  }
  if (end.entries > kMaxZipEntries || end.directory_offset == kInZip64) {
    return Malformed("is a zip64 archive, which weights do not need");
  }
  if (end.disk != 0 || end.directory_disk != 0 || end.entries_on_disk != end.entries) {
    return Malformed("is a part of several");
  }
  if (uint64_t{end.directory_offset} + end.directory_bytes > at) {
    return Malformed("its directory lies outside of it");
  }
  return end;
}

// Where an entry is, header included.
struct Place {
  uint64_t begin;
  uint64_t end;
};

// The data that the directory's `entry` points to. `bytes` ends where the directory begins.
absl::StatusOr<Bytes> DataOf(Bytes bytes, const DirectoryHeader& entry, std::string_view name,
                             Place& place) {
  const auto fault = [&name](const char* what) {
    return Malformed(absl::StrCat(ops::QuoteForMessage(name), " ", what));
  };
  if (entry.method != kStored || (entry.flags & kEncrypted) != 0 ||
      entry.stored_size != entry.size) {
    return fault("is compressed or encrypted; torch.save stores plainly");
  }
  if (entry.offset > bytes.size()) return fault("lies outside of the archive");
  ByteReader reader(bytes.subspan(entry.offset));
  const absl::StatusOr<LocalHeader> local = reader.Number<LocalHeader>();
  if (!local.ok() || local->signature != kLocalSignature) return fault("has no header");
  const absl::StatusOr<std::string_view> local_name = reader.Take(local->name_bytes);
  if (!local_name.ok() || *local_name != name || local->method != entry.method) {
    return fault("differs from its header");
  }
  // The extra field is padding: torch aligns the data.
  if (!reader.Take(local->extra_bytes).ok() || reader.remaining() < entry.size) {
    return fault("lies outside of the archive");
  }
  const uint64_t begin = uint64_t{entry.offset} + reader.position();
  place = {entry.offset, begin + entry.size};
  return bytes.subspan(begin, entry.size);
}

absl::Status CheckDisjoint(std::vector<Place> places) {
  std::sort(places.begin(), places.end(),
            [](const Place& a, const Place& b) { return a.begin < b.begin; });
  const auto overlap = [](const Place& a, const Place& b) { return a.end > b.begin; };
  if (std::adjacent_find(places.begin(), places.end(), overlap) == places.end()) {
    return absl::OkStatus();
  }
  return Malformed("entries overlap");
}

}  // namespace

absl::StatusOr<ZipEntries> ReadZip(Bytes bytes) {
  SISKIN_ASSIGN_OR_RETURN(const DirectoryEnd end, ReadEnd(bytes));
  const Bytes data = bytes.subspan(0, end.directory_offset);
  ByteReader directory(bytes.subspan(end.directory_offset, end.directory_bytes));
  ZipEntries entries;
  std::vector<Place> places;
  for (int i = 0; i < end.entries; ++i) {
    SISKIN_ASSIGN_OR_RETURN(const auto entry, directory.Number<DirectoryHeader>());
    if (entry.signature != kDirectorySignature) return Malformed("its directory is damaged");
    SISKIN_ASSIGN_OR_RETURN(const std::string_view name, directory.Take(entry.name_bytes));
    SISKIN_RETURN_IF_ERROR(
        directory.Take(size_t{entry.extra_bytes} + entry.comment_bytes).status());
    SISKIN_ASSIGN_OR_RETURN(const Bytes contents, DataOf(data, entry, name, places.emplace_back()));
    if (!entries.emplace(name, contents).second) {
      return Malformed(absl::StrCat(ops::QuoteForMessage(name), " occurs twice"));
    }
  }
  SISKIN_RETURN_IF_ERROR(CheckDisjoint(std::move(places)));
  return entries;
}

}  // namespace siskin::pull
