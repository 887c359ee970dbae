#include "sys/systemdscope.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "base/fd.h"
#include "base/text.h"
#include "spec/dbus.h"
#include "sys/kernel.h"
#include "sys/procfs.h"

namespace sup {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kWithin{5'000};

std::string scope_name() { return "sup-" + std::to_string(::getpid()) + ".scope"; }

Error no_scope(std::string why, int err = 0) {
  return Error{.code = "E_SCOPE",
               .where = "cgroup",
               .what = "systemd does not give this process a scope of its own",
               .err = err,
               .why = std::move(why),
               .hint = "start sup in one: systemd-run " + std::string(::geteuid() == 0 ? "" : "--user ") +
                       "--scope -p Delegate=yes sup ..., or use --limits best-effort",
               .path = {},
               .stage = "cgroup"};
}

// One question and its answer, over a unix socket.
class Conversation {
 public:
  // ENOENT, ECONNREFUSED, EACCES: there is nobody here, or not for us.
  static std::expected<Conversation, int> with(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return std::unexpected(ENAMETOOLONG);
    path.copy(address.sun_path, path.size());
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) return std::unexpected(errno);
    const timeval within{.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(kWithin).count(), .tv_usec = 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &within, sizeof within);
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &within, sizeof within);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
      return std::unexpected(errno);
    return Conversation(std::move(socket));
  }

  // Who we are is what the kernel says of us; the uid is for form.
  Result<void> introduce() {
    std::string words("\0AUTH EXTERNAL ", 15);
    for (const char digit : std::to_string(::geteuid())) words.append("3").push_back(digit);
    if (auto r = send(words + "\r\n"); !r) return r;
    while (!heard_.contains("\r\n")) {
      if (auto r = hear(); !r) return r;
    }
    const auto end = heard_.find("\r\n");
    if (!heard_.starts_with("OK ")) return std::unexpected(no_scope(printable(heard_.substr(0, end))));
    heard_.erase(0, end + 2);
    return send("BEGIN\r\n");
  }

  Result<void> ask(const std::string& messages, std::uint32_t serial) {
    if (auto r = send(messages); !r) return r;
    for (;;) {
      const auto size = heard_.size() < kDbusFixed ? kDbusFixed : dbus_size(heard_);
      if (size && heard_.size() < *size) {
        if (auto r = hear(); !r) return r;
        continue;
      }
      const auto message = size ? dbus_read(std::string_view(heard_).substr(0, *size)) : std::nullopt;
      if (!message) return std::unexpected(no_scope("its answer is no D-Bus"));
      heard_.erase(0, *size);
      if (message->answers != serial) continue;  // of the bus itself, or nobody's
      if (message->kind == DbusMessage::Kind::answer) return {};
      return std::unexpected(no_scope(printable(message->text.empty() ? message->error : message->text)));
    }
  }

 private:
  explicit Conversation(Fd socket) : socket_(std::move(socket)) {}
  Result<void> send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return std::unexpected(no_scope({}, n < 0 ? errno : EIO));
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
  }
  Result<void> hear() {
    std::array<char, 4096> piece{};
    ssize_t n = 0;
    do n = ::recv(socket_.get(), piece.data(), piece.size(), 0);
    while (n < 0 && errno == EINTR);
    if (n == 0) return std::unexpected(no_scope("it has hung up"));
    if (n < 0) return std::unexpected(no_scope({}, errno == EAGAIN ? ETIMEDOUT : errno));
    if (std::chrono::steady_clock::now() > end_) return std::unexpected(no_scope({}, ETIMEDOUT));
    heard_.append(piece.data(), static_cast<std::size_t>(n));
    return {};
  }

  Fd socket_;
  std::string heard_;
  std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::now() + kWithin;
};

// Directly where that is possible, as systemctl(1) does it; else over the bus.
Result<void> ask_systemd(const std::string& name, pid_t pid) {
  std::string direct = "/run/systemd/private";
  std::string bus = "/run/dbus/system_bus_socket";
  if (::geteuid() != 0) {
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    const std::string folder =
        runtime != nullptr && *runtime == '/' ? runtime : "/run/user/" + std::to_string(::geteuid());
    direct = folder + "/systemd/private";
    bus = folder + "/bus";
  }
  int err = 0;
  for (const bool over_bus : {false, true}) {
    auto talk = Conversation::with(over_bus ? bus : direct);
    if (!talk) {
      err = talk.error();
      continue;
    }
    if (auto r = talk->introduce(); !r) return r;
    return talk->ask((over_bus ? dbus_hello(1) : std::string()) + dbus_start_scope(2, name, pid), 2);
  }
  Error error = no_scope("nobody is at " + bus, err);
  if (::geteuid() != 0)
    error.hint =
        "a user's systemd is there from a log-in on (ssh, machinectl shell), or always: as root: loginctl enable-linger " +
        std::to_string(::geteuid()) + "; or use --limits best-effort";
  return std::unexpected(std::move(error));
}

}  // namespace

bool is_own_scope(std::string_view cgroups) {
  std::string_view unit;
  for (const std::string_view line : split(cgroups, '\n')) {
    const std::string_view path = line.substr(line.rfind(':') + 1);
    // Once anybody has mounted it v2 is in the list, and everybody at its top, also where systemd keeps to v1.
    if ((line.starts_with("0::") && path != "/") || (unit.empty() && line.contains(":name=systemd:"))) unit = path;
  }
  constexpr std::string_view kAside = "/supervisor";
  if (unit.ends_with(kAside)) unit.remove_suffix(kAside.size());
  return unit.ends_with("/" + scope_name());
}

bool in_own_scope() { return is_own_scope(read_file("/proc/self/cgroup").value_or("")); }

bool systemd_rules() { return ::access("/run/systemd/system", F_OK) == 0; }

bool is_delegated(const std::string& directory) {
  if (::access((directory + "/cgroup.procs").c_str(), W_OK) < 0) return false;
  char value[8] = {};
  for (const char* name : {"user.delegate", "trusted.delegate"}) {
    if (::getxattr(directory.c_str(), name, value, sizeof value) > 0 && value[0] == '1') return true;
  }
  return false;
}

Result<void> enter_own_scope() {
  const std::string name = scope_name();
  if (auto r = ask_systemd(name, ::getpid()); !r) return r;
  // The answer is a job that was queued.
  const auto end = std::chrono::steady_clock::now() + kWithin;
  while (!in_own_scope()) {
    if (std::chrono::steady_clock::now() > end)
      return std::unexpected(no_scope("it was asked, and nothing came of it", ETIMEDOUT));
    ::poll(nullptr, 0, 2);
  }
  return {};
}

}  // namespace sup
