#include "base/version.h"

namespace siskin {

const char* Version() { return SISKIN_VERSION; }

}  // namespace siskin
