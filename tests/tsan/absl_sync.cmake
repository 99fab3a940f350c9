# siskin_tsan_absl(TARGET): under ThreadSanitizer, shows it what abseil's locks do (absl_sync.cc).
set(SISKIN_TSAN_ABSL_FUNCTIONS
  _ZN4absl7debian35Mutex4LockEv
  _ZN4absl7debian35Mutex6UnlockEv
  _ZN4absl7debian35Mutex10ReaderLockEv
  _ZN4absl7debian35Mutex12ReaderUnlockEv
  _ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE
  _ZN4absl7debian37CondVar4WaitEPNS0_5MutexE
  _ZN4absl7debian37CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE
  _ZN4absl7debian312Notification6NotifyEv
  _ZNK4absl7debian312Notification19WaitForNotificationEv)
set(SISKIN_TSAN_DIR "${CMAKE_CURRENT_LIST_DIR}")

function(siskin_tsan_absl target)
  if(NOT SISKIN_SANITIZE STREQUAL "thread")
    return()
  endif()
  target_sources(${target} PRIVATE "${SISKIN_TSAN_DIR}/absl_sync.cc")
  target_link_libraries(${target} PRIVATE absl::synchronization)
  foreach(function IN LISTS SISKIN_TSAN_ABSL_FUNCTIONS)
    target_link_options(${target} PRIVATE "LINKER:--wrap=${function}")
  endforeach()
endfunction()
