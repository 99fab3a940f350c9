// The text dumps of every network of the catalogue, and the ones that are committed
// (tests/golden/README.md).
#ifndef SISKIN_TESTS_MODELS_GRAPH_DUMPS_H_
#define SISKIN_TESTS_MODELS_GRAPH_DUMPS_H_

#include <filesystem>
#include <map>
#include <string>

#include "models/model_spec.h"

namespace siskin::testing {

// The graph of a variant in its own key style, as `siskin inspect NAME --graph` prints it.
std::string DumpOf(const models::ModelSpec& spec, const models::Variant& variant);

// A digest of the graph of a variant in `style`, its parameters named as in that style's files.
std::string DigestOf(const models::ModelSpec& spec, const models::KeyStyle& style,
                     const models::Variant& variant);

// In a folder of golden files: the dump of a variant, and the digests of all by "<variant>
// <style>".
std::filesystem::path DumpPath(const std::filesystem::path& golden, const models::Variant& variant);
using Digests = std::map<std::string, std::string>;
std::filesystem::path DigestsPath(const std::filesystem::path& golden);
Digests ReadDigests(const std::filesystem::path& golden);

std::string ReadText(const std::filesystem::path& path);

}  // namespace siskin::testing

#endif  // SISKIN_TESTS_MODELS_GRAPH_DUMPS_H_
