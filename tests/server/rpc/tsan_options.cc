// Debian's gRPC is built without ThreadSanitizer. What it does inside cannot be judged, nor can
// what is handed from thread to thread through it: the sanitizer does not see the hand-over. Both
// have its frames on the stack.
extern "C" const char* __tsan_default_options() { return "ignore_noninstrumented_modules=1"; }
extern "C" const char* __tsan_default_suppressions() {
  return "race:grpc::\nrace:grpc_event_engine::\n";
}
