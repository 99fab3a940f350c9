// Debian's gRPC is built without ThreadSanitizer, so that its locks are invisible and what it hands
// from thread to thread looks like a race. A report with gRPC in one of its stacks says nothing;
// lanes, scheduler, registry and admin server are still judged.
extern "C" {

const char* __tsan_default_options() { return "ignore_noninstrumented_modules=1"; }

const char* __tsan_default_suppressions() {
  return "race:libgrpc.so\n"
         "race:libgrpc++.so\n"
         "race:^grpc::\n";
}

}  // extern "C"
