// init: what the supervisor starts inside the new namespaces. argv[1] is the boot
// channel's descriptor, the plan is one above; see init/plan.h.
#include <asm/stat.h>

#include "init/steps.h"

#ifndef SUP_VERSION
#error "SUP_VERSION is the project's version, a string (init/CMakeLists.txt)"
#endif

namespace sup::init {
namespace {

constexpr char kByHand[] = "sup-init " SUP_VERSION ": started by sup inside new namespaces, not by hand; see sup(1)\n";
constexpr char kVersionLine[] = "sup-init " SUP_VERSION " (plan wire ?)\n";
static_assert(wire::kVersion < 10, "print_version writes one digit");

bool put(int fd, const char* text, size_t size) {
  while (size > 0) {
    const long n = sys::write(fd, text, size);
    if (n == -EINTR) continue;
    if (n <= 0) return false;
    text += n;
    size -= static_cast<size_t>(n);
  }
  return true;
}

[[noreturn]] void by_hand() {
  put(2, kByHand, sizeof kByHand - 1);
  sys::exit(kExitSetup);
}

[[noreturn]] void print_version() {
  char line[sizeof kVersionLine];
  for (size_t i = 0; i < sizeof line; ++i) {
    line[i] = kVersionLine[i] == '?' ? static_cast<char>('0' + wire::kVersion) : kVersionLine[i];
  }
  sys::exit(put(1, line, sizeof line - 1) ? 0 : kExitSetup);
}

bool same(const char* a, const char* b) {
  while (*a != 0 && *a == *b) ++a, ++b;
  return *a == *b;
}

// A descriptor's number in decimal, 3 or above; -1 for anything else.
int descriptor(const char* digits) {
  int n = 0;
  for (; *digits >= '0' && *digits <= '9'; ++digits) {
    if (n > 10'000'000) return -1;   // above every nr_open; keeps the sum from overflowing
    n = n * 10 + (*digits - '0');
  }
  return *digits == 0 && n >= 3 ? n : -1;
}

constexpr unsigned kTypeMask = 0170000;
constexpr unsigned kSocket = 0140000;
constexpr unsigned kRegular = 0100000;
constexpr int kProtReadWrite = 3;
constexpr int kMapPrivate = 2;

}  // namespace

extern "C" [[noreturn, gnu::used, gnu::visibility("hidden")]] void sup_init_start(const long* stack) {
  const long argc = stack[0];
  auto* const* const argv = reinterpret_cast<const char* const*>(stack + 1);
  if (argc == 2 && same(argv[1], "--version")) print_version();
  const int boot = argc == 2 ? descriptor(argv[1]) : -1;
  // CLOEXEC before anything else can go wrong: the supervisor takes the end of the
  // stream for "the command runs". It came in without, or it would not have come in.
  if (boot < 0 || sys::call(__NR_fcntl, boot, sys::kFSetFd, sys::kFdCloexec) < 0) by_hand();
  struct stat channel = {};
  struct stat plan = {};
  if (sys::call(__NR_fstat, boot, &channel) < 0 || (channel.st_mode & kTypeMask) != kSocket) by_hand();
  if (sys::call(__NR_fstat, boot + 1, &plan) < 0 || (plan.st_mode & kTypeMask) != kRegular) by_hand();
  const auto size = static_cast<size_t>(plan.st_size);
  if (size < sizeof(wire::Header) || size > wire::kMaxPlan) by_hand();
  const long block = sys::call(__NR_mmap, nullptr, size, kProtReadWrite, kMapPrivate, boot + 1, 0);
  if (block < 0 && block > -4096) by_hand();
  sys::close(boot + 1);   // its number is then free for what a tight RLIMIT_NOFILE would refuse
  interpret(reinterpret_cast<unsigned char*>(block), size, boot);
}

}  // namespace sup::init

SUP_INIT_START(sup_init_start);

// The compiler may call these for plain initialisation and copies, libc or no libc.
extern "C" {
[[gnu::used]] void* memset(void* to, int c, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    static_cast<unsigned char*>(to)[i] = static_cast<unsigned char>(c);
    __asm__ volatile("" ::: "memory");   // or the loop is recognised as memset, and calls itself
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
