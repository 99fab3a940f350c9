// The explicit list of all networks. Adding one is a file in models/ and a line in families.def.
#ifndef SISKIN_MODELS_CATALOG_H_
#define SISKIN_MODELS_CATALOG_H_

#include <string>
#include <string_view>
#include <vector>

#include "models/model_spec.h"

namespace siskin::models {

// Every network, in the order of the papers. Built on first use; thread-safe.
const std::vector<ModelSpec>& Catalog();

// A network by architecture name; nullptr if there is none.
const ModelSpec* FindArchitecture(std::string_view architecture);

// A published variant by its name in any family (a timm tag such as ".ra_in1k" may follow), or the
// bare architecture name (variant is then nullptr). Both null: unknown.
struct CatalogMatch {
  const ModelSpec* spec = nullptr;
  const Variant* variant = nullptr;
};
CatalogMatch FindByName(std::string_view name);

// "mobilenet_v1, mobilenet_v2": for messages.
std::string ArchitectureNames();

}  // namespace siskin::models

#endif  // SISKIN_MODELS_CATALOG_H_
