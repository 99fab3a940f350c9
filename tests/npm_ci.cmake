# cmake -DSOURCE=... -DTARGET=... -DNPM=... -P npm_ci.cmake: `npm ci` of SOURCE's lock file in TARGET,
# unless it is done already. Without a network it says so, and the tests that need it skip. A script
# that includes this may set OPTIONS.
file(SHA256 ${SOURCE}/package-lock.json wanted)
set(stamp ${TARGET}/node_modules/.siskin-lock)
if(EXISTS ${stamp})
  file(READ ${stamp} installed)
  if(installed STREQUAL wanted)
    return()
  endif()
endif()
file(COPY ${SOURCE}/package.json ${SOURCE}/package-lock.json DESTINATION ${TARGET})
execute_process(COMMAND ${NPM} ci ${OPTIONS} --ignore-scripts --no-audit --no-fund
  WORKING_DIRECTORY ${TARGET} RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE error)
if(result EQUAL 0)
  file(WRITE ${stamp} ${wanted})
else()
  message("npm ci of ${SOURCE} failed, its tests will skip: ${error}")
endif()
