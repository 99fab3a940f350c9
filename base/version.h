// The version of this build, from project(VERSION) in CMakeLists.txt.
#ifndef SISKIN_BASE_VERSION_H_
#define SISKIN_BASE_VERSION_H_

namespace siskin {

const char* Version();  // "0.1.0"

}  // namespace siskin

#endif  // SISKIN_BASE_VERSION_H_
