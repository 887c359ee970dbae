#include "sys/pasta.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "spec/path.h"

namespace sup {
namespace {

std::unexpected<Error> failed(std::string why, int err, std::string hint = {}) {
  return std::unexpected(Error{.code = "E_NETWORK",
                               .where = "--network",
                               .what = "pasta",
                               .err = err,
                               .why = std::move(why),
                               .hint = std::move(hint),
                               .path = {},
                               .stage = "network"});
}

// 0, or the errno of binding it. In the way in which pasta does: one end for both families where no address is given.
int try_port(const Publish& port) {
  const bool six = port.address.empty() || port.address.find(':') != std::string::npos;
  const Fd socket(::socket(six ? AF_INET6 : AF_INET, (port.udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0));
  if (!socket) {
    if (errno != EAFNOSUPPORT || !port.address.empty()) return errno;
    Publish four = port;  // a machine without IPv6
    four.address = "0.0.0.0";
    return try_port(four);
  }
  const int on = 1;
  // What is left of connections that have ended is in nobody's way.
  if (!port.udp) (void)::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (six) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port.host);
    if (!port.address.empty()) ::inet_pton(AF_INET6, port.address.c_str(), &address.sin6_addr);
    return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ? errno : 0;
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port.host);
  ::inet_pton(AF_INET, port.address.c_str(), &address.sin_addr);
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ? errno : 0;
}

Result<void> check_ports(const std::vector<Publish>& ports) {
  for (const Publish& port : ports) {
    const int err = try_port(port);
    if (err == 0) continue;
    return std::unexpected(Error{.code = "E_PORT",
                                 .where = "-p",
                                 .what = to_string(port),
                                 .err = err,
                                 .why = {},
                                 .hint = err == EADDRINUSE ? "somebody has this port of the host: ss -lntup shows who"
                                         : err == EACCES   ? "an ordinary user may have ports from 1024 on: "
                                                             "sysctl net.ipv4.ip_unprivileged_port_start"
                                         : err == EADDRNOTAVAIL ? "the host does not have this address"
                                                                : "",
                                 .path = {},
                                 .stage = "network"});
  }
  return {};
}

// With 0 the namespace, 1 the ready pipe and 2 the memfd, which is all it may have of ours: a newer pasta closes everything else
// by itself. A session of its own: ctrl-c is for the command, and what ends this one is the container's end.
[[noreturn]] void become(const std::string& file, const std::vector<char*>& words, const std::array<int, 3>& fds,
                         pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  ::setsid();
  // First out of the way of 0 to 2.
  std::array<int, 3> high{};
  for (std::size_t i = 0; i < fds.size(); ++i) high[i] = ::fcntl(fds[i], F_DUPFD, 10);
  for (std::size_t i = 0; i < fds.size(); ++i) ::dup2(high[i], static_cast<int>(i));
  ::syscall(SYS_close_range, 3U, ~0U, 0U);
  for (int signal = 1; signal <= SIGRTMAX; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
  char* const environment[] = {path, nullptr};
  ::execve(file.c_str(), words.data(), environment);
  const std::string_view text = "cannot be executed\n";
  (void)!::write(2, text.data(), text.size());
  ::_exit(126);
}

}  // namespace

std::string find_pasta() {
  const char* path = std::getenv("PATH");
  for (const std::string& candidate : candidates("pasta", path != nullptr ? path : "/usr/bin:/bin").paths) {
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

Result<PastaProcess> start_pasta(pid_t init, const std::vector<Publish>& ports) {
  if (auto free = check_ports(ports); !free) return std::unexpected(std::move(free.error()));
  const std::string file = find_pasta();
  if (file.empty()) return failed("not found in PATH", 0, "install it: apt install passt");
  const std::string place = "/proc/" + std::to_string(init) + "/ns/";
  const Fd network(::open((place + "net").c_str(), O_RDONLY | O_CLOEXEC));
  if (!network) return failed("the container's network cannot be looked up", errno);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return failed("", errno, errno == EMFILE ? "raise the limit: ulimit -n" : "");
  PastaProcess out;
  out.ready = Fd(ends[0]);
  const Fd ready(ends[1]);
  out.said = Fd(::memfd_create("pasta", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!out.said) return failed("", errno, errno == EMFILE ? "raise the limit: ulimit -n" : "");

  std::vector<std::string> words{"pasta",   "--foreground",    "--quiet", "--config-net",   "--no-map-gw",
                                 "--netns", "/proc/self/fd/0", "--pid",   "/proc/self/fd/1"};
  // Root's rights are over every namespace below his own, as long as pasta does not become "nobody"; whoever else has made a user
  // namespace has them over that one, and pasta must go into it to use them.
  if (::geteuid() == 0) {
    words.insert(words.end(), {"--netns-only", "--runas", "0:0"});
  } else {
    words.insert(words.end(), {"--userns", place + "user"});
  }
  for (std::string& word : pasta_ports(ports)) words.push_back(std::move(word));
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  const pid_t parent = ::getpid();
  out.pid = ::fork();
  if (out.pid < 0) return failed("no process for it", errno);
  if (out.pid == 0) become(file, argv, {network.get(), ready.get(), out.said.get()}, parent);
  out.pidfd = Fd(static_cast<int>(::syscall(SYS_pidfd_open, out.pid, 0)));
  return out;
}

std::string last_words(int said) {
  char buffer[4096];
  const ssize_t n = ::pread(said, buffer, sizeof buffer, 0);
  std::string_view rest(buffer, n > 0 ? static_cast<std::size_t>(n) : 0);
  std::string last;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    const auto line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    // Where there is no syslog it complains of that after every line.
    if (!line.empty() && line.find("to syslog") == std::string_view::npos) last = printable(line);
  }
  return last;
}

std::string network_hint(const std::string& words) {
  if (words.find("tun") == std::string::npos) return {};
  constexpr const char* kTun = "/dev/net/tun";
  if (::access(kTun, R_OK | W_OK) == 0) return {};
  return errno == EACCES || errno == EPERM
             ? "as root: chmod 0666 /dev/net/tun (as udev has it)"
             : "as root: modprobe tun; mkdir -p /dev/net; mknod -m 0666 /dev/net/tun c 10 200";
}

void seal(int said) { (void)::fcntl(said, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_WRITE); }

}  // namespace sup
