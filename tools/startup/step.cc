// step PROGRAM [ARG...]: runs it instruction by instruction (ptrace(2)) and prints, in hexadecimal, each place of its own file
// that was executed, as offsets from where it was loaded, in the order of their first execution. Its children are not followed.
// Its input and output are /dev/null. Exits 1, with a line, where it cannot; else 0, whatever the program's status.
#include <elf.h>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <unordered_set>

namespace {

using Address = unsigned long;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

Address instruction_pointer(pid_t pid) {
#if defined(__x86_64__)
  user_regs_struct registers{};
  if (::ptrace(PTRACE_GETREGS, pid, nullptr, &registers) < 0) fail("step: PTRACE_GETREGS");
  return registers.rip;
#else
  user_regs_struct registers{};
  iovec part{&registers, sizeof registers};
  if (::ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &part) < 0) fail("step: PTRACE_GETREGSET");
  return registers.pc;
#endif
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: step PROGRAM [ARG...]\n");
    return 1;
  }
  const pid_t pid = ::fork();
  if (pid < 0) fail("step: fork");
  if (pid == 0) {
    const int null = ::open("/dev/null", O_RDWR);
    if (null < 0) ::_exit(127);
    for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::execv(argv[1], argv + 1);
    ::_exit(127);
  }
  int status = 0;
  if (::waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status)) fail("step: the program cannot be executed");
  ::ptrace(PTRACE_SETOPTIONS, pid, nullptr, PTRACE_O_EXITKILL);
  char path[PATH_MAX];
  if (::realpath(argv[1], path) == nullptr) fail("step: realpath");
  Address begin = 0;
  Address end = 0;
  std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
  for (std::string line; std::getline(maps, line);) {
    if (!line.ends_with(path)) continue;
    Address from = 0;
    Address to = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx", &from, &to) != 2) continue;
    if (begin == 0) begin = from;
    end = to;
  }
  std::unordered_set<Address> seen;
  while (WIFSTOPPED(status)) {
    const Address at = instruction_pointer(pid);
    if (at >= begin && at < end && seen.insert(at).second) std::printf("%lx\n", at - begin);
    const int signal = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
    if (::ptrace(PTRACE_SINGLESTEP, pid, nullptr, signal) < 0) fail("step: PTRACE_SINGLESTEP");
    if (::waitpid(pid, &status, 0) < 0) fail("step: waitpid");
  }
  return 0;
}
