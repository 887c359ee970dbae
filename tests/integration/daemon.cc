#include "daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "clean.h"
#include "events.h"

namespace sup::test {
namespace {

Start daemon_start(const std::string& name, std::vector<std::string> options, int ready) {
  Start start;
  // The last of the global options: --events FILE stands before.
  start.args = {"-S", name, "daemon", "--ready-fd", "9"};
  start.args.insert(start.args.end(), options.begin(), options.end());
  start.fds = {{ready, 9}};
  return start;
}

// The pipe whose end tells that the daemon serves; made before the Process that inherits it.
struct Ready {
  Fd read_end, write_end;
  Ready() {
    int ends[2];
    BOOST_TEST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }
};

// The daemon's constructor needs the pipe in the initializer of its base and after it.
thread_local Ready* beginning = nullptr;

int begin() {
  beginning = new Ready;
  return beginning->write_end.get();
}

}  // namespace

DaemonProcess::DaemonProcess(std::vector<std::string> options, std::string name)
    : Process(daemon_start(name, std::move(options), begin())), name_(std::move(name)) {
  const std::unique_ptr<Ready> ready(std::exchange(beginning, nullptr));
  ready->write_end.reset();
  pollfd p{.fd = ready->read_end.get(), .events = POLLIN, .revents = 0};
  BOOST_TEST_REQUIRE(::poll(&p, 1, static_cast<int>(patient(10s).count())) == 1, "the supervisor does not serve");
  char problem[1024];
  const ssize_t n = ::read(ready->read_end.get(), problem, sizeof problem);
  BOOST_TEST_REQUIRE(n == 0, "the supervisor says: " << std::string(problem, n > 0 ? static_cast<std::size_t>(n) : 0));
}

DaemonProcess::~DaemonProcess() {
  if (ended()) return;
  BOOST_TEST(end() == 0, "the supervisor ended badly; err: " << shown(err()));
}

std::string DaemonProcess::socket() const { return runtime_dir() + "/sup/" + name_ + ".sock"; }

Result DaemonProcess::sup(std::vector<std::string> args) const {
  args.insert(args.begin(), {"-S", name_});
  Start start;
  start.events = false;
  return sup_cli(std::move(args), start);
}

std::string DaemonProcess::detached(std::vector<std::string> args) const {
  args.insert(args.begin(), {"run", "-d"});
  const auto result = sup(std::move(args));
  BOOST_TEST(result.code == 0, "run -d gave " << result.code << " " << result.err);
  const auto all = lines(result.out);
  BOOST_TEST(all.size() == 1U, shown(result.out));
  return all.empty() ? std::string() : all[0];
}

std::string DaemonProcess::shell(const std::string& prepare, std::vector<std::string> options) {
  const std::string ready = dir() + "/ready-" + std::to_string(++shells_);
  // `wait` is what a trap interrupts; the sleep goes with the pid namespace.
  options.insert(options.end(), {"sh", "-c", prepare + "\nsleep 10000 & : > " + ready + "\nwhile :; do wait; done"});
  auto id = detached(std::move(options));
  (void)wait_until([&] { return exists(ready); }, "the container's " + ready);
  return id;
}

pid_t DaemonProcess::pid_of(const std::string& container) const {
  const auto result = sup({"inspect", container});
  return static_cast<pid_t>(parse_json(result.out).number("/pid"));
}

std::vector<std::string> DaemonProcess::ids() const {
  std::vector<std::string> all;
  const auto result = sup({"ps", "-a"});
  BOOST_TEST(result.code == 0, result.err);
  for (const auto& line : lines(result.out)) {
    if (!line.starts_with("ID ")) all.push_back(line.substr(0, line.find(' ')));
  }
  return all;
}

int DaemonProcess::end(milliseconds deadline) {
  signal(SIGTERM);
  const int code = wait(deadline).code();
  BOOST_TEST(!exists(socket()), "the socket is left behind");
  return code;
}

void DaemonProcess::murder() {
  signal(SIGKILL);
  // Killed in the middle of a line or not: the log of a killed one is not judged.
  forget_events_file(events_file());
  BOOST_TEST(wait().code() == 1000 + SIGKILL);
}

RawClient::RawClient(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  BOOST_TEST_REQUIRE(path.size() < sizeof where.sun_path);
  std::memcpy(where.sun_path, path.c_str(), path.size() + 1);
  if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) {
    BOOST_ERROR(path << ": " << std::strerror(errno));
    fd_.reset();
  }
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool RawClient::more(milliseconds deadline) {
  if (over_ || !fd_) return false;
  pollfd p{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  if (::poll(&p, 1, static_cast<int>(deadline.count())) <= 0) return false;
  char piece[65536];
  const ssize_t n = ::recv(fd_.get(), piece, sizeof piece, 0);
  if (n > 0)
    got_.append(piece, static_cast<std::size_t>(n));
  else
    over_ = true;
  return n > 0;
}

std::string RawClient::line(milliseconds deadline) {
  const auto end = Clock::now() + patient(deadline);
  while (true) {
    if (const auto at = got_.find('\n'); at != std::string::npos) {
      std::string found = got_.substr(0, at);
      got_.erase(0, at + 1);
      return found;
    }
    const auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now());
    if (left <= 0ms || (!more(left) && over_)) return {};
  }
}

bool RawClient::ends(milliseconds deadline) {
  const auto end = Clock::now() + patient(deadline);
  while (!over_) {
    got_.clear();
    const auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now());
    if (left <= 0ms) return false;
    more(left);
  }
  return true;
}

std::string RawClient::ask(std::string_view method, std::string_view params) {
  const std::string id = std::to_string(++last_);
  if (!send(R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + std::string(method) + R"(","params":)" +
            std::string(params) + "}\n"))
    return {};
  while (true) {
    auto answer = line();
    if (answer.empty() || parse_json(answer).text("/id") == id) return answer;
  }
}

std::size_t fds_of(pid_t pid) {
  std::size_t count = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd", error))
    count += entry.is_symlink() ? 1U : 0U;
  return count;
}

bool is_id(const std::string& text) {
  return text.size() == 12 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Start plain() {
  Start start;
  start.events = false;
  return start;
}

}  // namespace sup::test
