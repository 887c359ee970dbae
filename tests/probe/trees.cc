// Families of processes: orphans, zombies, children that outlive their parent.
#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "probe.h"

namespace probe {
namespace {

// How many zombies /proc shows.
int zombies() {
  int count = 0;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir("/proc"), [](DIR* d) { return ::closedir(d); });
  if (!dir) return -1;
  while (const dirent* entry = ::readdir(dir.get())) {
    if (std::isdigit(static_cast<unsigned char>(entry->d_name[0])) == 0) continue;
    const std::unique_ptr<FILE, int (*)(FILE*)> file(
        std::fopen((std::string("/proc/") + entry->d_name + "/stat").c_str(), "re"), &std::fclose);
    char line[512];
    if (!file || std::fgets(line, sizeof line, file.get()) == nullptr) continue;
    const char* close = std::strrchr(line, ')');
    if (close != nullptr && close[1] == ' ' && close[2] == 'Z') ++count;
  }
  return count;
}

// orphans N: N grandchildren whose parent is gone and that end by themselves; then waits until
// PID 1 has reaped them all, at most 10 s.
int orphans(int argc, char** argv) {
  const long n = number(argc, argv, 0, 100);
  int done[2];
  if (::pipe(done) != 0) return 2;
  for (long i = 0; i < n; ++i) {
    const pid_t child = ::fork();
    if (child < 0) return 2;
    if (child == 0) {
      if (::fork() != 0) ::_exit(0);
      ::_exit(0);
    }
    ::waitpid(child, nullptr, 0);
  }
  ::close(done[1]);
  char byte = 0;
  while (::read(done[0], &byte, 1) < 0 && errno == EINTR) {
  }  // the end comes when the last grandchild has ended
  int left = zombies();
  for (int tries = 0; left > 0 && tries < 1000; ++tries) {
    ::usleep(10'000);
    left = zombies();
  }
  say("zombies %d of %ld", left, n);
  return left == 0 ? 0 : 1;
}

// leave CODE: ends with CODE and leaves a sleeping grandchild that holds 0, 1 and 2.
int leave(int argc, char** argv) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::setsid();
    if (::fork() != 0) ::_exit(0);
    for (;;) ::pause();
  }
  ::waitpid(child, nullptr, 0);
  say("left one behind");
  return static_cast<int>(number(argc, argv, 0, 0));
}

// tree: a child and a grandchild sleep for ever, and so does this one.
int tree(int, char**) {
  if (::fork() == 0) {
    ::fork();
    for (;;) ::pause();
  }
  say("ready");
  for (;;) ::pause();
}

// spin MS: uses the processor.
int spin(int argc, char** argv) {
  const long ms = number(argc, argv, 0, 100);
  timespec used{};
  do {
    for (int i = 0; i < 100'000; ++i) {
      asm volatile("" : : : "memory");
    }
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  } while (used.tv_sec * 1000 + used.tv_nsec / 1'000'000 < ms);
  return 0;
}

}  // namespace

const Command kTrees[] = {{"orphans", orphans}, {"leave", leave}, {"tree", tree}, {"spin", spin}, {"", nullptr}};

}  // namespace probe
