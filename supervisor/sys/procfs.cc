#include "sys/procfs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <span>
#include <string_view>

#include "base/fd.h"

namespace sup {

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  const auto failed = [&](int err) {
    return std::unexpected(Error{.code = "E_READ", .where = "read", .what = path, .err = err, .path = path});
  };
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return failed(errno);
  struct stat st{};
  if (::fstat(fd.get(), &st) < 0) return failed(errno);
  if (S_ISDIR(st.st_mode)) return failed(EISDIR);
  if (!S_ISREG(st.st_mode)) return failed(EINVAL);
  std::string text;
  char buffer[16384];
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed(errno);
    if (n == 0) return text;
    text.append(buffer, static_cast<std::size_t>(n));
    if (text.size() > limit) return failed(EFBIG);
  }
}

namespace {

constexpr int kLastInStat = 31;

// A small file of the kernel's, in one read; empty: there is none.
std::string_view read_once(const std::string& path, std::span<char> buffer) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  ssize_t n = -1;
  do n = fd ? ::read(fd.get(), buffer.data(), buffer.size()) : -1;
  while (n < 0 && fd && errno == EINTR);
  return {buffer.data(), n < 0 ? 0 : static_cast<std::size_t>(n)};
}

std::uint64_t mask(std::string_view digits, int base) {
  std::uint64_t bits = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), bits, base);
  return bits;
}

bool over(std::string_view state) { return state.starts_with('Z') || state.starts_with('X'); }

std::optional<SignalState> from_stat(std::string_view text) {
  const auto open = text.find('(');
  const auto close = text.rfind(')');  // the name may have any of them
  if (open == std::string_view::npos || close == std::string_view::npos || close < open || close + 2 > text.size())
    return std::nullopt;
  SignalState state;
  state.command = text.substr(open + 1, close - open - 1);
  std::string_view rest = text.substr(close + 2);
  if (over(rest)) return std::nullopt;
  for (int field = 3; !rest.empty(); ++field) {
    const auto end = rest.find(' ');
    if (field == 32) state.blocked = mask(rest.substr(0, end), 10);
    if (field == 33) state.ignored = mask(rest.substr(0, end), 10);
    if (field == 34) {
      state.caught = mask(rest.substr(0, end), 10);
      return state;
    }
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  }
  return std::nullopt;
}

std::optional<SignalState> from_status(std::string_view rest) {
  SignalState state;
  if (rest.empty()) return std::nullopt;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    const auto colon = line.find(":\t");
    if (colon == std::string_view::npos) continue;
    const std::string_view key = line.substr(0, colon);
    const std::string_view value = line.substr(colon + 2);
    if (key == "Name") state.command = value;
    if (key == "State" && over(value)) return std::nullopt;
    if (key == "SigBlk") state.blocked = mask(value, 16);
    if (key == "SigIgn") state.ignored = mask(value, 16);
    if (key == "SigCgt") state.caught = mask(value, 16);
  }
  return state;
}

}  // namespace

// `stat` costs the kernel half of what `status` does, which counts where many are stopped; but it ends with signal 31.
std::optional<SignalState> signal_state(pid_t pid, int number) {
  const std::string directory = "/proc/" + std::to_string(pid);
  char buffer[16384];
  if (number <= kLastInStat) return from_stat(read_once(directory + "/stat", buffer));
  return from_status(read_once(directory + "/status", buffer));
}

}  // namespace sup
