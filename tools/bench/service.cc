#include "service.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace bench {
namespace {

int connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return -1;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  if (fd >= 0) ::close(fd);
  return -1;
}

// In memory, as /run is, where sup would have it.
std::string runtime_folder(const Setting& setting) {
  std::string name = "/dev/shm/sup-bench.XXXXXX";
  return ::mkdtemp(name.data()) != nullptr ? name : setting.scratch + "/run";
}

Child start(const Setting& setting, const std::string& folder, const Words& options) {
  ::mkdir(folder.c_str(), 0700);
  ::setenv("SUP_RUNTIME_DIR", folder.c_str(), 1);
  Words words = {setting.sup, "--events", "none", "-S", "bench", "daemon"};
  words.insert(words.end(), options.begin(), options.end());
  Child child(words);
  ::unsetenv("SUP_RUNTIME_DIR");
  return child;
}

}  // namespace

Service::Service(const Setting& setting, const Words& options)
    : folder_(runtime_folder(setting)), socket_(folder_ + "/bench.sock"), child_(start(setting, folder_, options)) {
  for (int i = 0; i < 500 && !ready_; ++i) {
    const int fd = connect_to(socket_);
    ready_ = fd >= 0;
    if (ready_) {
      ::close(fd);
    } else {
      ::usleep(10'000);
    }
  }
}

Service::~Service() {
  if (child_.pid() > 0) {
    ::kill(child_.pid(), SIGTERM);
    (void)child_.wait(30);
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

Client::Client(const std::string& socket) : fd_(connect_to(socket)) {}

Client::~Client() {
  if (fd_ >= 0) ::close(fd_);
}

std::uint64_t Client::send(const std::string& method, const std::string& params) {
  const std::string line = R"({"jsonrpc":"2.0","id":)" + std::to_string(++sent_) + R"(,"method":")" + method +
                           R"(","params":)" + params + "}\n";
  for (std::size_t done = 0; done < line.size();) {
    const ssize_t n = ::send(fd_, line.data() + done, line.size() - done, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  return sent_;
}

std::string Client::next(double seconds) {
  for (;;) {
    if (const auto end = got_.find('\n'); end != std::string::npos) {
      std::string line = got_.substr(0, end);
      got_.erase(0, end + 1);
      if (line.find("\"id\":") != std::string::npos && line.find("\"method\":") == std::string::npos) return line;
      continue;
    }
    pollfd p{.fd = fd_, .events = POLLIN, .revents = 0};
    if (::poll(&p, 1, static_cast<int>(seconds * 1000)) <= 0) return {};
    char piece[65536];
    const ssize_t n = ::recv(fd_, piece, sizeof piece, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return {};
    got_.append(piece, static_cast<std::size_t>(n));
  }
}

std::string Client::answer(std::uint64_t number, double seconds) {
  const std::string mark = "\"id\":" + std::to_string(number);
  for (;;) {
    std::string line = next(seconds);
    if (line.empty()) return {};
    const auto at = line.find(mark);
    if (at != std::string::npos && (line[at + mark.size()] == ',' || line[at + mark.size()] == '}')) return line;
  }
}

std::string member(const std::string& line, const std::string& name) {
  const std::string mark = "\"" + name + "\":\"";
  const auto at = line.find(mark);
  if (at == std::string::npos) return {};
  const auto from = at + mark.size();
  return line.substr(from, line.find('"', from) - from);
}

std::string run_params(const Words& argv, const std::string& more) {
  std::string list;
  for (const auto& word : argv) list += (list.empty() ? "\"" : ",\"") + word + "\"";
  return R"({"spec":{"argv":[)" + list + "]" + more +
         R"(},"environ":["PATH=/usr/bin:/bin","HOME=/","LANG=C.UTF-8"],"cwd":"/"})";
}

}  // namespace bench
