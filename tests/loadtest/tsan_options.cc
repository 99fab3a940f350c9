// Debian's gRPC is built without ThreadSanitizer: what it does inside cannot be judged.
extern "C" const char* __tsan_default_options() { return "ignore_noninstrumented_modules=1"; }
