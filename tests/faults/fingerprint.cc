// fingerprint: the command of the fault sweep. It says how isolated it is, in sections "## NAME", and exits with 42.
//   fingerprint         says it
//   fingerprint read    asks for input first ("## ready"), reads it to its end, and says how many bytes came
//
// Freestanding and linked at an address of its own (CMakeLists.txt), so that the injector's filter can tell its system
// calls from those of sup and init, and lets them be: what is to fail is the start, not the witness.
#include <asm/fcntl.h>

#include "init/sys.h"

namespace {

namespace sys = sup::init::sys;

constexpr long kTcgets = 0x5401;
constexpr long kTiocgwinsz = 0x5413;

char buffer[32768];

size_t length(const char* s) {
  size_t n = 0;
  while (s[n] != 0) ++n;
  return n;
}

// Said in few pieces: how many reads and writes a run takes should not depend on who was faster.
char pending[65536];
size_t pending_size = 0;

void flush() {
  const char* bytes = pending;
  size_t n = pending_size;
  pending_size = 0;
  while (n > 0) {
    const long done = sys::write(1, bytes, n);
    if (done == -EINTR) continue;
    if (done <= 0) sys::exit(43);
    bytes += done;
    n -= static_cast<size_t>(done);
  }
}

void put(const char* bytes, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    if (pending_size == sizeof pending) flush();
    pending[pending_size++] = bytes[i];
  }
}

void put(const char* text) { put(text, length(text)); }

void put_number(long value) {
  char digits[24];
  size_t at = sizeof digits;
  unsigned long rest = value < 0 ? static_cast<unsigned long>(-value) : static_cast<unsigned long>(value);
  do {
    digits[--at] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  if (value < 0) digits[--at] = '-';
  put(digits + at, sizeof digits - at);
}

void put_hex(const unsigned char* bytes, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const char pair[2] = {"0123456789abcdef"[bytes[i] >> 4], "0123456789abcdef"[bytes[i] & 15]};
    put(pair, 2);
  }
}

void section(const char* name) {
  put("\n## ");
  put(name);
  put("\n");
}

void file(const char* name, const char* path) {
  section(name);
  const long fd = sys::open(path, 0);
  if (fd < 0) {
    put("errno ");
    put_number(-fd);
    return;
  }
  for (long n = 0; (n = sys::read(static_cast<int>(fd), buffer, sizeof buffer)) > 0;)
    put(buffer, static_cast<size_t>(n));
  sys::close(static_cast<int>(fd));
}

void link(const char* name, const char* path) {
  static char target[512];  // not on the stack: who checks this sees nothing put there by a system call
  const long n = sys::call(__NR_readlinkat, sys::kAtFdCwd, path, target, sizeof target);
  put(name);
  put(" ");
  if (n > 0) {
    put(target, static_cast<size_t>(n));
  } else {
    put("errno ");
    put_number(-n);
  }
  put("\n");
}

// linux_dirent64, getdents64(2): inode, offset, length, type, name.
void descriptors() {
  section("fds");
  const long fd = sys::open("/proc/self/fd", O_DIRECTORY);
  if (fd < 0) return put("errno\n");
  for (long n = 0; (n = sys::call(__NR_getdents64, fd, buffer, sizeof buffer)) > 0;) {
    for (long at = 0; at < n;) {
      const char* entry = buffer + at;
      const char* name = entry + 19;
      at += static_cast<unsigned char>(entry[16]) + 256 * static_cast<unsigned char>(entry[17]);
      long number = 0;
      for (const char* c = name; *c >= '0' && *c <= '9'; ++c) number = number * 10 + (*c - '0');
      if (name[0] == '.' || number == fd) continue;
      char path[64] = "/proc/self/fd/";
      size_t end = length(path);
      for (const char* c = name; *c != 0 && end + 1 < sizeof path; ++c) path[end++] = *c;
      path[end] = 0;
      link(name, path);
    }
  }
  sys::close(static_cast<int>(fd));
}

void terminals() {
  section("terminals");
  for (int fd = 0; fd < 3; ++fd) {
    unsigned char settings[64] = {};
    unsigned char size[8] = {};
    put_number(fd);
    const long n = sys::ioctl(fd, kTcgets, settings);
    if (n < 0) {
      put(" none\n");
      continue;
    }
    put(" ");
    put_hex(settings, 36);   // the kernel's struct termios
    put(" ");
    (void)!sys::ioctl(fd, kTiocgwinsz, size);
    put_hex(size, 4);
    put("\n");
  }
}

void network() {
  section("lo");
  const long fd = sys::call(__NR_socket, sys::kAfUnix, sys::kSockDgram, 0);
  if (fd < 0) return put("no socket\n");
  sys::IfReq request{};
  request.name[0] = 'l';
  request.name[1] = 'o';
  const long n = sys::ioctl(static_cast<int>(fd), sys::kSiocgIfFlags, &request);
  put_number(n < 0 ? n : request.flags);
  put("\n");
  sys::close(static_cast<int>(fd));
}

void input() {
  section("ready");
  flush();
  long total = 0;
  for (;;) {
    const long n = sys::read(0, buffer, sizeof buffer);
    if (n == -EINTR) continue;
    if (n <= 0) break;
    total += n;
  }
  section("input");
  put_number(total);
  put("\n");
}

}  // namespace

extern "C" [[noreturn, gnu::used, gnu::visibility("hidden")]] void fingerprint_start(const long* stack) {
  put("## begin\n");
  if (stack[0] > 1) input();
  section("who");
  put_number(sys::call(__NR_getpid));
  put(" ");
  put_number(sys::call(__NR_getsid, 0));
  put(" ");
  put_number(sys::call(__NR_getpgid, 0));
  put("\n");
  file("status", "/proc/self/status");
  file("mountinfo", "/proc/self/mountinfo");
  file("cgroup", "/proc/self/cgroup");
  file("limits", "/proc/self/limits");
  file("oom", "/proc/self/oom_score_adj");
  file("uid_map", "/proc/self/uid_map");
  file("gid_map", "/proc/self/gid_map");
  file("setgroups", "/proc/self/setgroups");
  file("environ", "/proc/self/environ");
  file("hostname", "/proc/sys/kernel/hostname");
  descriptors();
  section("ns");
  link("pid", "/proc/self/ns/pid");
  link("mnt", "/proc/self/ns/mnt");
  link("net", "/proc/self/ns/net");
  link("uts", "/proc/self/ns/uts");
  link("ipc", "/proc/self/ns/ipc");
  link("user", "/proc/self/ns/user");
  link("cgroup", "/proc/self/ns/cgroup");
  section("places");
  link("cwd", "/proc/self/cwd");
  link("root", "/proc/self/root");
  terminals();
  network();
  section("end");
  flush();
  sys::exit(42);
}

SUP_INIT_START(fingerprint_start);

extern "C" {
[[gnu::used]] void* memset(void* to, int c, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    static_cast<unsigned char*>(to)[i] = static_cast<unsigned char>(c);
    __asm__ volatile("" ::: "memory");
  }
  return to;
}
[[gnu::used]] void* memcpy(void* to, const void* from, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    static_cast<unsigned char*>(to)[i] = static_cast<const unsigned char*>(from)[i];
    __asm__ volatile("" ::: "memory");
  }
  return to;
}
}
