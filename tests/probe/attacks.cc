// What a hostile command would try. Each prints what it reached.
#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <sys/ptrace.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "probe.h"

namespace probe {
namespace {

int numbers_in_proc() {
  int count = 0;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir("/proc"), [](DIR* d) { return ::closedir(d); });
  if (!dir) return 0;
  while (const dirent* entry = ::readdir(dir.get())) {
    if (std::isdigit(static_cast<unsigned char>(entry->d_name[0])) != 0) ++count;
  }
  return count;
}

// tiocsti TEXT: types TEXT into every terminal it can reach.
int tiocsti(int argc, char** argv) {
  const char* text = argc > 0 ? argv[0] : "\n";
  int tried = 0;
  const auto type = [&](int fd) {
    for (const char* at = text; *at != 0; ++at) {
      if (::ioctl(fd, TIOCSTI, at) == 0) ++tried;
    }
  };
  for (int fd = 0; fd < 256; ++fd) type(fd);
  const int tty = ::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (tty >= 0) type(tty);
  say("typed %d", tried);
  return 0;
}

// umountproc: takes /proc away again and again, counting the processes that show each time.
int umountproc(int, char**) {
  say("before %d", numbers_in_proc());
  int worst = 0;
  int rounds = 0;
  while (rounds < 64 && ::umount2("/proc", MNT_DETACH) == 0) {
    ++rounds;
    worst = std::max(worst, numbers_in_proc());
  }
  say("rounds %d", rounds);
  say("worst %d", worst);
  return 0;
}

// rewrite: tries to open the program of PID 1 for writing, by every door.
int rewrite(int, char**) {
  char target[4096];
  const ssize_t n = ::readlink("/proc/1/exe", target, sizeof target - 1);
  target[n < 0 ? 0 : n] = 0;
  say("exe %s", target);
  int opened = 0;
  const int path_fd = ::open("/proc/1/exe", O_PATH | O_CLOEXEC);
  for (int i = 0; i < 2000; ++i) {
    const std::string door = "/proc/self/fd/" + std::to_string(path_fd);
    for (const char* name : {"/proc/1/exe", door.c_str()}) {
      const int fd = ::open(name, O_WRONLY | O_CLOEXEC);
      if (fd < 0) continue;
      if (::write(fd, "#!evil", 6) == 6) ++opened;
      ::close(fd);
    }
  }
  say("written %d", opened);
  return 0;
}

// talk PATH: connects to a Unix socket and tells what is heard, up to the end.
int talk(int argc, char** argv) {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  if (argc > 0) std::strncpy(where.sun_path, argv[0], sizeof where.sun_path - 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) {
    say("talk %s", std::strerror(errno));
    return 1;
  }
  say("talk connected");
  char heard[4096];
  for (ssize_t n; (n = ::read(fd, heard, sizeof heard)) > 0;) say("talk heard %.*s", static_cast<int>(n), heard);
  say("talk end");
  return 0;
}

}  // namespace

// attach PID: becomes its tracer, and writes to its memory: "attach ERRNO", "memory ERRNO".
int attach(int argc, char** argv) {
  const auto pid = static_cast<pid_t>(number(argc, argv, 0, 1));
  const long r = ::ptrace(PTRACE_ATTACH, pid, nullptr, nullptr);
  say("attach %d", r < 0 ? errno : 0);
  if (r == 0) {
    ::waitpid(pid, nullptr, __WALL);
    ::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
  }
  const std::string memory = "/proc/" + std::to_string(pid) + "/mem";
  const int fd = ::open(memory.c_str(), O_RDWR | O_CLOEXEC);
  say("memory %d", fd < 0 ? errno : 0);
  if (fd >= 0) ::close(fd);
  return 0;
}

const Command kAttacks[] = {{"talk", talk},       {"tiocsti", tiocsti}, {"umountproc", umountproc},
                            {"rewrite", rewrite}, {"attach", attach},   {"", nullptr}};

}  // namespace probe
