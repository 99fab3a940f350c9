// The version of this build, from project(VERSION) in CMakeLists.txt.
#ifndef SISKIN_SERVER_APP_VERSION_H_
#define SISKIN_SERVER_APP_VERSION_H_

namespace siskin::app {

const char* Version();  // "0.1.0"

}  // namespace siskin::app

#endif  // SISKIN_SERVER_APP_VERSION_H_
