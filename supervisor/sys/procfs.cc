#include "sys/procfs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
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

std::optional<SignalState> signal_state(pid_t pid) {
  const auto text = read_file("/proc/" + std::to_string(pid) + "/status");
  if (!text) return std::nullopt;
  SignalState state;
  bool zombie = false;
  std::string_view rest = *text;
  const auto mask = [](std::string_view value) {
    std::uint64_t bits = 0;
    std::from_chars(value.data(), value.data() + value.size(), bits, 16);
    return bits;
  };
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    const auto colon = line.find(":\t");
    if (colon == std::string_view::npos) continue;
    const std::string_view key = line.substr(0, colon);
    const std::string_view value = line.substr(colon + 2);
    if (key == "Name") state.command = value;
    if (key == "State") zombie = value.starts_with('Z') || value.starts_with('X');
    if (key == "SigBlk") state.blocked = mask(value);
    if (key == "SigIgn") state.ignored = mask(value);
    if (key == "SigCgt") state.caught = mask(value);
  }
  if (zombie) return std::nullopt;
  return state;
}

}  // namespace sup
