// Debian's gRPC is built without ThreadSanitizer: what it does inside cannot be judged. It calls
// functions of Abseil's headers, though, of which this program may have an instrumented copy.
extern "C" const char* __tsan_default_options() { return "ignore_noninstrumented_modules=1"; }
extern "C" const char* __tsan_default_suppressions() { return "race:grpc_event_engine::\n"; }
