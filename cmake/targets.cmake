# siskin_library(NAME [SEPARATE] SOURCES ... PUBLIC ... PRIVATE ...): a layer, with the project's
# warnings. What a target does not link, it cannot include: the layering is enforced by these lists.
# Files are compiled several at a time (siskin_unity) unless it is SEPARATE.
function(siskin_options target)
  # Option structs are filled by name; what is not named keeps its default.
  target_compile_options(${target} PRIVATE -Wall -Wextra -Werror -Wno-missing-field-initializers -pthread)
  if(SISKIN_SANITIZE)
    # Sanitized code confuses GCC's flow analysis: -Wmaybe-uninitialized warns inside std::regex.
    target_compile_options(${target} PRIVATE -fsanitize=${SISKIN_SANITIZE} -fno-omit-frame-pointer
      -Wno-maybe-uninitialized)
    target_link_options(${target} PUBLIC -fsanitize=${SISKIN_SANITIZE})
  endif()
endfunction()

# siskin_precompile(TARGET NAME): the headers of cmake/precompiled/NAME.h are compiled once for all
# targets that name them. They hold headers of packages alone, which change with the system only.
function(siskin_precompile target name)
  if(NOT SISKIN_PRECOMPILE)
    return()
  endif()
  set(owner siskin_precompiled_${name})
  if(NOT TARGET ${owner})
    set(folder ${PROJECT_SOURCE_DIR}/cmake/precompiled)
    add_library(${owner} OBJECT EXCLUDE_FROM_ALL ${folder}/empty.cc)
    # Named without its path, which would be in it: a copy of the sources shares the cache.
    target_include_directories(${owner} PRIVATE ${folder})
    target_precompile_headers(${owner} PRIVATE <${name}.h>)
    # The compiler takes it only where the same macros are defined, those of packages included.
    siskin_options(${owner})
    set(launcher ${PROJECT_SOURCE_DIR}/cmake/precompile.sh ${CMAKE_CXX_COMPILER_LAUNCHER})
    set_target_properties(${owner} PROPERTIES CXX_COMPILER_LAUNCHER "${launcher}")
    if(name MATCHES "test")
      target_link_libraries(${owner} PRIVATE GTest::gmock)
      target_compile_options(${owner} PRIVATE ${SISKIN_TEST_OPTIONS})
    endif()
  endif()
  target_precompile_headers(${target} REUSE_FROM ${owner})
endfunction()

# siskin_unity(TARGET SEPARATE): its files are compiled eight at a time, which reads and instantiates
# what they share once. So names that are local to a file must differ within a target; where they
# rather repeat, it is SEPARATE. The preset `plain` compiles every file by itself.
function(siskin_unity target separate)
  if(SISKIN_PRECOMPILE AND NOT separate)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  endif()
endfunction()

function(siskin_library name)
  cmake_parse_arguments(ARG "SEPARATE" "PRECOMPILED" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
  siskin_options(${name})
  if(NOT ARG_PRECOMPILED)
    set(ARG_PRECOMPILED core)
  endif()
  siskin_precompile(${name} ${ARG_PRECOMPILED})
  siskin_unity(${name} ${ARG_SEPARATE})
endfunction()

# siskin_left_out(NAME REASON): in the place of a test that cannot be configured, one that skips, so
# that it is not forgotten (tests/check_skips.py).
function(siskin_left_out name reason)
  message(STATUS "${name} is left out: ${reason}")
  add_test(NAME ${name} COMMAND sh -c "echo 'skipped: ${reason}'; exit 77")
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77)
endfunction()

# siskin_test(NAME [THREADS] [SEPARATE] SOURCES ... LIBS ...): a GoogleTest binary, every case a ctest test.
# THREADS: it starts threads; `make test-tsan` runs it.
function(siskin_test name)
  cmake_parse_arguments(ARG "THREADS;SEPARATE" "PRECOMPILED" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} GTest::gmock GTest::gtest_main)
  siskin_options(${name})
  target_compile_options(${name} PRIVATE ${SISKIN_TEST_OPTIONS})
  siskin_tsan_absl(${name})
  if(NOT ARG_PRECOMPILED)
    set(ARG_PRECOMPILED test)
  endif()
  siskin_precompile(${name} ${ARG_PRECOMPILED})
  siskin_unity(${name} ${ARG_SEPARATE})
  set(labels "")
  if(ARG_THREADS)
    set(labels LABELS threads)
  endif()
  # NO_PRETTY_VALUES: the values of parameters print pointers, and names must not change.
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES PROPERTIES
    ENVIRONMENT "SISKIN_SHARED_DIR=${SISKIN_SHARED_DIR}" ${labels})
endfunction()
