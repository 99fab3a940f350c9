// How threads of this process share its cpus.
#ifndef SISKIN_BASE_THREAD_PRIORITY_H_
#define SISKIN_BASE_THREAD_PRIORITY_H_

namespace siskin {

// From now on the calling thread gives way to the others of this process: of a cpu that both want,
// each of `steps` (at least 0) takes a fifth of what it had. It ends at the lowest priority there
// is (nice 19). In a container or a service of systemd, processes of others do not notice
// (sched(7)).
void GiveWay(int steps);

// The nice value of the calling thread.
int ThreadNice();

}  // namespace siskin

#endif  // SISKIN_BASE_THREAD_PRIORITY_H_
