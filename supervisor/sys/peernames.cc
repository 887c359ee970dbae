#include "sys/peernames.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <utility>

#include "base/text.h"
#include "sys/aside.h"
#include "sys/rootdir.h"

namespace sup {
namespace {

constexpr std::size_t kMostText = 64U << 10;
constexpr std::chrono::milliseconds kWithin{2'000};

std::string text_of(int root, const char* path) {
  auto text = read_in_root(root, path);
  if (!text) return {};
  text->resize(std::min(text->size(), text->find('\0')));
  return text->size() <= kMostText && is_utf8(*text) ? std::move(*text) : std::string();
}

}  // namespace

PeerNames peer_names(pid_t pid) {
  auto asked = ask_aside([pid]() -> std::string {
    const Fd root(::open(("/proc/" + std::to_string(pid) + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root) return {};
    return text_of(root.get(), "etc/hosts") + '\0' + text_of(root.get(), "etc/resolv.conf");
  });
  if (!asked) return {};
  std::string both;
  const auto end = std::chrono::steady_clock::now() + kWithin;
  for (bool more = true; more;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd ready{asked->answer.get(), POLLIN, 0};
    const int n = left.count() > 0 ? ::poll(&ready, 1, static_cast<int>(left.count())) : 0;
    if (n < 0 && errno == EINTR) continue;
    char piece[16384];
    const ssize_t got = n > 0 ? ::read(asked->answer.get(), piece, sizeof piece) : -1;
    if (got > 0) both.append(piece, static_cast<std::size_t>(got));
    if (got < 0) both.clear();
    more = got > 0;
  }
  ::kill(asked->pid, SIGKILL);
  while (::waitpid(asked->pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  const auto middle = both.find('\0');
  if (middle == std::string::npos) return {};
  return {both.substr(0, middle), both.substr(middle + 1)};
}

}  // namespace sup
