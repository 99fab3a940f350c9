// write_graph_dumps FOLDER: writes the golden dumps of all networks (tests/golden/README.md).
#include <filesystem>
#include <fstream>
#include <iostream>

#include "models/catalog.h"
#include "tests/models/graph_dumps.h"

namespace siskin::testing {
namespace {

namespace fs = std::filesystem;

bool WriteText(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file << text << std::flush;
  if (!file) std::cerr << "cannot write " << path << "\n";
  return static_cast<bool>(file);
}

// In full: the main variants, and whatever is there already.
bool WriteGoldens(const fs::path& folder) {
  std::string digests;
  for (const models::ModelSpec& spec : models::Catalog()) {
    for (const models::Variant* variant : spec.MainVariants()) {
      if (!WriteText(DumpPath(folder, *variant), DumpOf(spec, *variant))) return false;
    }
    for (const models::Variant& variant : spec.variants) {
      const fs::path path = DumpPath(folder, variant);
      if (fs::exists(path) && !WriteText(path, DumpOf(spec, variant))) return false;
      for (const models::KeyStyle& style : spec.key_styles) {
        digests += variant.name + " " + style.name + " " + DigestOf(spec, style, variant) + "\n";
      }
    }
  }
  return WriteText(DigestsPath(folder), digests);
}

}  // namespace
}  // namespace siskin::testing

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: write_graph_dumps FOLDER\n";
    return 2;
  }
  return siskin::testing::WriteGoldens(argv[1]) ? 0 : 1;
}
