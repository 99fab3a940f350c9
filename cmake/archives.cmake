# Each -lNAME of a list becomes its archive, where there is one.
function(siskin_archives_of flags_variable)
  set(libraries "")
  foreach(flag IN LISTS ${flags_variable})
    if(flag MATCHES "^-l(.+)$")
      find_library(archive "lib${CMAKE_MATCH_1}.a" NO_CACHE)
      if(archive)
        set(flag "${archive}")
      endif()
      unset(archive)
    endif()
    list(APPEND libraries "${flag}")
  endforeach()
  set(${flags_variable} "${libraries}" PARENT_SCOPE)
endfunction()

# siskin_prefer_archives(): lets the imported targets stand for Debian's static archives, where there
# are some. A binary then carries the parts of gRPC, Protobuf, Abseil, RE2 and OpenSSL that it uses instead
# of needing fifty shared libraries. What has no archive (oneDNN, prometheus-cpp, spdlog) stays shared.
# So does libcurl, which would want a dozen archives more, and with it OpenSSL: two copies in one process
# are asking for trouble.
function(siskin_prefer_archives)
  get_property(targets DIRECTORY PROPERTY IMPORTED_TARGETS)
  if(SISKIN_BUILD_PULL)
    list(FILTER targets EXCLUDE REGEX "^(CURL|OpenSSL)::")
  else()
    # What OpenSSL's archive needs and its shared library names itself: on Debian 13, compression.
    pkg_check_modules(libcrypto REQUIRED libcrypto)
    set(crypto_libraries ${libcrypto_STATIC_LDFLAGS})
    list(FILTER crypto_libraries EXCLUDE REGEX "^-lcrypto$")
    siskin_archives_of(crypto_libraries)
    set_property(TARGET OpenSSL::Crypto APPEND PROPERTY INTERFACE_LINK_LIBRARIES ${crypto_libraries})
  endif()
  foreach(target IN LISTS targets)
    foreach(property IMPORTED_LOCATION IMPORTED_LOCATION_NONE IMPORTED_LOCATION_RELEASE)
      get_target_property(library ${target} ${property})
      string(REGEX REPLACE "\\.so[.0-9]*$" ".a" archive "${library}")
      if(EXISTS "${archive}")
        set_target_properties(${target} PROPERTIES ${property} "${archive}")
      endif()
    endforeach()
  endforeach()
  # gRPC's package finds RE2 through pkg-config, which names Abseil's libraries from Debian 13 on.
  get_target_property(re2_libraries re2::re2 INTERFACE_LINK_LIBRARIES)
  siskin_archives_of(re2_libraries)
  set_target_properties(re2::re2 PROPERTIES INTERFACE_LINK_LIBRARIES "${re2_libraries}")
endfunction()
