#include "models/catalog.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace siskin::models {

#define FAMILY(function, file) std::vector<ModelSpec> function();
#include "models/families.def"
#undef FAMILY

namespace {

constexpr std::vector<ModelSpec> (*kFamilies[])() = {
#define FAMILY(function, file) function,
#include "models/families.def"
#undef FAMILY
};

// What a variant does not say is its network's.
void Complete(ModelSpec& spec) {
  for (Variant& variant : spec.variants) {
    if (variant.key_style.empty()) variant.key_style = spec.key_styles.front().name;
    if (variant.resolution == 0) variant.resolution = spec.resolution;
  }
}

std::vector<ModelSpec> AllSpecs() {
  std::vector<ModelSpec> specs;
  for (const auto& family : kFamilies) {
    for (ModelSpec& spec : family()) {
      Complete(spec);
      specs.push_back(std::move(spec));
    }
  }
  return specs;
}

}  // namespace

const std::vector<ModelSpec>& Catalog() {
  // Never destroyed: loaded models point into it until the process ends.
  static const auto* catalog = new std::vector<ModelSpec>(AllSpecs());
  return *catalog;
}

const ModelSpec* FindArchitecture(std::string_view architecture) {
  for (const ModelSpec& spec : Catalog()) {
    if (spec.architecture == architecture) return &spec;
  }
  return nullptr;
}

CatalogMatch FindByName(std::string_view name) {
  if (const ModelSpec* spec = FindArchitecture(name)) return {.spec = spec, .variant = nullptr};
  CatalogMatch without_tag;
  for (const ModelSpec& spec : Catalog()) {
    for (const Variant& variant : spec.variants) {
      if (name == variant.name) return {.spec = &spec, .variant = &variant};
      // timm appends a tag: "mobilenetv2_100.ra_in1k".
      if (name.starts_with(variant.name + ".")) without_tag = {.spec = &spec, .variant = &variant};
    }
  }
  return without_tag;
}

std::string ArchitectureNames() {
  return absl::StrJoin(Catalog(), ", ", [](std::string* out, const ModelSpec& spec) {
    absl::StrAppend(out, spec.architecture);
  });
}

}  // namespace siskin::models
