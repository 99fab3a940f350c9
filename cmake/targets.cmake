# siskin_library(NAME SOURCES ... PUBLIC ... PRIVATE ...): a layer, with the project's warnings.
# What a target does not link, it cannot include: the layering is enforced by these lists.
function(siskin_options target)
  # Option structs are filled by name; what is not named keeps its default.
  target_compile_options(${target} PRIVATE -Wall -Wextra -Werror -Wno-missing-field-initializers)
  if(SISKIN_SANITIZE)
    # Sanitized code confuses GCC's flow analysis: -Wmaybe-uninitialized warns inside std::regex.
    target_compile_options(${target} PRIVATE -fsanitize=${SISKIN_SANITIZE} -fno-omit-frame-pointer
      -Wno-maybe-uninitialized)
    target_link_options(${target} PUBLIC -fsanitize=${SISKIN_SANITIZE})
  endif()
endfunction()

function(siskin_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
  siskin_options(${name})
endfunction()

# siskin_test(NAME [THREADS] SOURCES ... LIBS ...): a GoogleTest binary, every case a ctest test.
# THREADS: it starts threads; `make test-tsan` runs it.
function(siskin_test name)
  cmake_parse_arguments(ARG "THREADS" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} GTest::gmock GTest::gtest_main)
  siskin_options(${name})
  siskin_tsan_absl(${name})
  set(labels "")
  if(ARG_THREADS)
    set(labels LABELS threads)
  endif()
  # NO_PRETTY_VALUES: the values of parameters print pointers, and names must not change.
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES PROPERTIES
    ENVIRONMENT "SISKIN_SHARED_DIR=${SISKIN_SHARED_DIR}" ${labels})
endfunction()
