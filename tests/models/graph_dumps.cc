#include "tests/models/graph_dumps.h"

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "ops/graph.h"

namespace siskin::testing {
namespace {

ops::Graph Build(const models::ModelSpec& spec, const models::KeyStyle& style,
                 const models::Variant& variant) {
  absl::StatusOr<ops::Graph> graph = spec.Build(OptionsOf(spec, style, variant));
  if (graph.ok()) return *std::move(graph);
  std::cerr << variant.name << " in style " << style.name << ": " << graph.status() << std::endl;
  std::abort();
}

// FNV-1a of 64 bits.
uint64_t Hash(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const unsigned char byte : text) hash = (hash ^ byte) * 0x100000001b3;
  return hash;
}

}  // namespace

std::string DumpOf(const models::ModelSpec& spec, const models::Variant& variant) {
  return Build(spec, *spec.FindKeyStyle(variant.key_style), variant).Dump();
}

std::string DigestOf(const models::ModelSpec& spec, const models::KeyStyle& style,
                     const models::Variant& variant) {
  ops::Graph graph = Build(spec, style, variant);
  for (ops::Parameter& parameter : graph.parameters) {
    const size_t dot = parameter.key.rfind('.');
    parameter.key = style.LayerName(parameter.key.substr(0, dot)) + parameter.key.substr(dot);
  }
  return absl::StrCat(absl::Hex(Hash(graph.Dump()), absl::kZeroPad16));
}

std::filesystem::path DumpPath(const std::filesystem::path& golden,
                               const models::Variant& variant) {
  return golden / "graphs" / (variant.name + ".txt");
}

std::filesystem::path DigestsPath(const std::filesystem::path& golden) {
  return golden / "graph_digests.txt";
}

Digests ReadDigests(const std::filesystem::path& golden) {
  std::ifstream file(DigestsPath(golden));
  Digests digests;
  std::string variant, style, digest;
  while (file >> variant >> style >> digest) digests[absl::StrCat(variant, " ", style)] = digest;
  return digests;
}

std::string ReadText(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace siskin::testing
