#include "server/app/version.h"

namespace siskin::app {

const char* Version() { return SISKIN_VERSION; }

}  // namespace siskin::app
