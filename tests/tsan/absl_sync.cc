// Makes abseil's locks visible to ThreadSanitizer.
//
// Debian's abseil is built without it, so that every absl::Mutex would look like no lock at all and
// each access under one like a race. The linker (--wrap, see absl_sync.cmake) sends our calls of
// these functions here; they tell the sanitizer what the real one means. The functions are members;
// `self` is their `this`.
#include <sanitizer/tsan_interface.h>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

// NAME is the mangled name in abseil 20220623 of Debian 12.
#define SISKIN_TSAN_ACQUIRES(NAME)           \
  void __real_##NAME(const void* self);      \
  void __wrap_##NAME(const void* self) {     \
    __real_##NAME(self);                     \
    __tsan_acquire(const_cast<void*>(self)); \
  }
#define SISKIN_TSAN_RELEASES(NAME)           \
  void __real_##NAME(const void* self);      \
  void __wrap_##NAME(const void* self) {     \
    __tsan_release(const_cast<void*>(self)); \
    __real_##NAME(self);                     \
  }

extern "C" {

SISKIN_TSAN_ACQUIRES(_ZN4absl7debian35Mutex4LockEv)
SISKIN_TSAN_RELEASES(_ZN4absl7debian35Mutex6UnlockEv)
SISKIN_TSAN_ACQUIRES(_ZN4absl7debian35Mutex10ReaderLockEv)
SISKIN_TSAN_RELEASES(_ZN4absl7debian35Mutex12ReaderUnlockEv)
SISKIN_TSAN_RELEASES(_ZN4absl7debian312Notification6NotifyEv)
SISKIN_TSAN_ACQUIRES(_ZNK4absl7debian312Notification19WaitForNotificationEv)

// Mutex::Await, which gives the mutex up while it waits. Its condition is called by abseil, where
// the sanitizer does not see that the mutex is held: it may read what the caller wrote, and
// atomics.
void __real__ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE(absl::Mutex* self,
                                                           const absl::Condition& condition);
void __wrap__ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE(absl::Mutex* self,
                                                           const absl::Condition& condition) {
  __tsan_release(self);
  __real__ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE(self, condition);
  __tsan_acquire(self);
}

// CondVar::Wait and WaitWithDeadline, which give the mutex up too.
void __real__ZN4absl7debian37CondVar4WaitEPNS0_5MutexE(absl::CondVar* self, absl::Mutex* mutex);
void __wrap__ZN4absl7debian37CondVar4WaitEPNS0_5MutexE(absl::CondVar* self, absl::Mutex* mutex) {
  __tsan_release(mutex);
  __real__ZN4absl7debian37CondVar4WaitEPNS0_5MutexE(self, mutex);
  __tsan_acquire(mutex);
}

bool __real__ZN4absl7debian37CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE(absl::CondVar* self,
                                                                              absl::Mutex* mutex,
                                                                              absl::Time deadline);
bool __wrap__ZN4absl7debian37CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE(absl::CondVar* self,
                                                                              absl::Mutex* mutex,
                                                                              absl::Time deadline) {
  __tsan_release(mutex);
  const bool timed_out = __real__ZN4absl7debian37CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE(
      self, mutex, deadline);
  __tsan_acquire(mutex);
  return timed_out;
}

}  // extern "C"
