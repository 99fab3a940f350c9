# siskin_prefer_archives(): lets the imported targets stand for Debian's static archives, where there
# are some. A binary then carries the parts of gRPC, Protobuf, Abseil and OpenSSL that it uses instead of
# needing fifty shared libraries. What has no archive (oneDNN, prometheus-cpp, spdlog) stays shared.
function(siskin_prefer_archives)
  get_property(targets DIRECTORY PROPERTY IMPORTED_TARGETS)
  foreach(target IN LISTS targets)
    foreach(property IMPORTED_LOCATION IMPORTED_LOCATION_NONE IMPORTED_LOCATION_RELEASE)
      get_target_property(library ${target} ${property})
      string(REGEX REPLACE "\\.so[.0-9]*$" ".a" archive "${library}")
      if(EXISTS "${archive}")
        set_target_properties(${target} PROPERTIES ${property} "${archive}")
      endif()
    endforeach()
  endforeach()
endfunction()
