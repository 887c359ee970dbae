// A network with a way out: pasta(1), and the ports that lead in.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <sstream>
#include <string>
#include <vector>

#include "clean.h"
#include "daemon.h"
#include "events.h"
#include "harness.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

bool has_route() { return has(read_text("/proc/net/route"), "\t00000000\t"); }
bool has_tun() { return ::access("/dev/net/tun", F_OK) == 0; }

// What pasta needs of the machine.
#define NEED_PASTA()                           \
  if (!has_tun()) SUP_SKIP("no /dev/net/tun"); \
  if (!has_route()) SUP_SKIP("this machine has no way out itself")

sockaddr_in local(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// A port that nobody has at this moment, and the socket that holds it as long as it lives.
struct Held {
  sup::Fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::uint16_t port = 0;
  Held() {
    auto address = local(0);
    socklen_t size = sizeof address;
    BOOST_TEST_REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    BOOST_TEST_REQUIRE(::listen(socket.get(), 1) == 0);
    BOOST_TEST_REQUIRE(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port = ntohs(address.sin_port);
  }
};

std::string free_port() { return std::to_string(Held().port); }

// All that the other side says; empty: nobody answers.
std::string said_at(const std::string& port) {
  const sup::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = local(static_cast<std::uint16_t>(std::stoi(port)));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) return {};
  std::string out;
  char buffer[256];
  pollfd p{.fd = socket.get(), .events = POLLIN, .revents = 0};
  while (::poll(&p, 1, 2000) == 1) {
    const ssize_t n = ::read(socket.get(), buffer, sizeof buffer);
    if (n <= 0) break;
    out.append(buffer, static_cast<std::size_t>(n));
  }
  return out;
}

// Children of the process that are pasta: passt, or passt.avx2 as which it goes on.
std::vector<pid_t> pastas_of(pid_t pid) {
  std::vector<pid_t> out;
  std::istringstream children(read_text("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children"));
  for (pid_t child = 0; children >> child;) {
    const auto name = read_text("/proc/" + std::to_string(child) + "/comm");
    if (name.starts_with("passt") || name.starts_with("pasta")) out.push_back(child);
  }
  return out;
}

const std::string kServe = "while :; do echo hello | busybox nc -l -p 8080 >/dev/null; done";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(pasta, Clean)

BOOST_AUTO_TEST_CASE(there_is_a_way_out_before_the_first_instruction) {
  NEED_PASTA();
  const auto result = sup_run({"--network", "pasta", "cat", "/proc/net/route", "/proc/net/dev"});
  BOOST_TEST(result.code == 0, result.err);
  BOOST_TEST(has(result.out, "\t00000000\t"), result.out);
  BOOST_TEST(has(result.out, "lo:"), result.out);
  const auto root = sup_run({"--network=pasta", "--init", "-t", "sh", "-c", "cat /proc/net/route"});
  BOOST_TEST(has(root.out, "\t00000000\t"), root.out << root.err);
}

BOOST_AUTO_TEST_CASE(with_a_user_namespace_of_roots) {
  NEED_PASTA();
  if (as_user() || !exists("/bin/busybox")) return;
  BOOST_TEST_REQUIRE(::mkdir((dir() + "/root").c_str(), 0755) == 0);
  BOOST_TEST_REQUIRE(::mkdir((dir() + "/root/bin").c_str(), 0755) == 0);
  write_file("root/bin/busybox", read_text("/bin/busybox"), 0755);
  for (const char* userns : {"map:0:700000:65536", "host"}) {
    const auto result = sup_run(
        {"--network=pasta", "--userns", userns, "--rootfs", dir() + "/root", "/bin/busybox", "cat", "/proc/net/route"});
    BOOST_TEST(result.code == 0, userns << ": " << result.err);
    BOOST_TEST(has(result.out, "\t00000000\t"), userns << ": " << result.out);
  }
}

// The kernel's device is root's alone on some machines: then the user is told so, else it works as it does for root. In a mount
// namespace with a device for everybody it must work.
BOOST_AUTO_TEST_CASE(as_an_ordinary_user, *but::label("only_user")) {
  NEED_PASTA();
  const auto plain = sup_run({"--network", "pasta", "cat", "/proc/net/route"});
  if (plain.code != 0) {
    BOOST_TEST(plain.code == 125);
    BOOST_TEST(has(plain.err, "--network: pasta has not set up the network: it says: Failed to open tun"), plain.err);
    BOOST_TEST(has(plain.err, "/dev/net/tun"), plain.err);
  } else {
    BOOST_TEST(has(plain.out, "\t00000000\t"), plain.out);
  }
  if (::geteuid() != 0) return;
  Start start;
  start.program = "/usr/bin/unshare";
  start.root = true;
  start.args = {"-m",
                "sh",
                "-c",
                "mount -t tmpfs tmpfs /mnt && mknod /mnt/tun c 10 200 && chmod 666 /mnt/tun && "
                "mount --bind /mnt/tun /dev/net/tun && umount /mnt && "
                "exec setpriv --reuid " +
                    std::to_string(uid()) + " --regid " + std::to_string(gid()) + " --clear-groups \"$@\"",
                "sh",
                sup_path(),
                "-q",
                "run",
                "--network",
                "pasta",
                "cat",
                "/proc/net/route"};
  start.events = false;
  const auto open = run(start);
  BOOST_TEST(open.code == 0, open.err);
  BOOST_TEST(has(open.out, "\t00000000\t"), open.out << open.err);
}

BOOST_AUTO_TEST_CASE(a_port_leads_in_and_is_free_again) {
  NEED_PASTA();
  DaemonProcess daemon({"--pool", "1"});
  const auto port = free_port();
  const auto id = daemon.detached({"-p", "127.0.0.1:" + port + ":8080", "--name", "web", "sh", "-c", kServe});
  BOOST_TEST(daemon.wait_until([&] { return said_at(port) == "hello\n"; }, "an answer"));
  const auto pastas = pastas_of(daemon.pid());
  BOOST_TEST_REQUIRE(pastas.size() == 1U);
  BOOST_TEST(has(daemon.sup({"inspect", id}).out, port + ":8080"));
  BOOST_TEST(daemon.sup({"exec", "web", "cat", "/proc/net/route"}).out != "");
  // A new start has a new one.
  BOOST_TEST(daemon.sup({"restart", "-t", "0", "web"}).code == 0);
  BOOST_TEST(gone(pastas.front(), 0s));
  BOOST_TEST(daemon.wait_until([&] { return said_at(port) == "hello\n"; }, "an answer after the restart"));
  BOOST_TEST(daemon.sup({"stop", "-t", "0", "web"}).code == 0);
  BOOST_TEST(pastas_of(daemon.pid()).empty());
  BOOST_TEST(said_at(port) == "");
}

BOOST_AUTO_TEST_CASE(it_goes_on_across_a_reload) {
  NEED_PASTA();
  DaemonProcess daemon({"--pool", "0"});
  const auto port = free_port();
  (void)daemon.detached({"-p", "127.0.0.1:" + port + ":8080", "--name", "web", "sh", "-c", kServe});
  BOOST_TEST(daemon.wait_until([&] { return said_at(port) == "hello\n"; }, "an answer"));
  const auto before = pastas_of(daemon.pid());
  BOOST_TEST(daemon.sup({"reload"}).code == 0);
  BOOST_TEST(daemon.wait_until([&] { return said_at(port) == "hello\n"; }, "an answer after the reload"));
  BOOST_TEST((pastas_of(daemon.pid()) == before));
  BOOST_TEST(daemon.sup({"stop", "-t", "0", "web"}).code == 0);
  BOOST_TEST(pastas_of(daemon.pid()).empty());
}

BOOST_AUTO_TEST_CASE(a_killed_supervisor_takes_it_along) {
  NEED_PASTA();
  Process process(running({"--network", "pasta", "sleep", "1000"}));
  const pid_t inside = pid_inside(process);
  const auto pastas = pastas_of(process.pid());
  BOOST_TEST_REQUIRE(pastas.size() == 1U);
  process.signal(SIGKILL);
  BOOST_TEST(process.wait().code() == 1000 + SIGKILL);
  BOOST_TEST(gone(pastas.front(), 5s));
  BOOST_TEST(gone(inside, 5s));
}

BOOST_AUTO_TEST_CASE(when_it_is_killed_the_container_stays_and_it_is_told) {
  NEED_PASTA();
  Process process(running({"--network", "pasta", "sleep", "1000"}));
  (void)pid_inside(process);
  const auto pastas = pastas_of(process.pid());
  BOOST_TEST_REQUIRE(pastas.size() == 1U);
  BOOST_TEST(::kill(pastas.front(), SIGKILL) == 0);
  BOOST_TEST(process.wait_event("the container has no way out any more"));
  BOOST_TEST(!process.ended());
  process.signal(SIGKILL);
  (void)process.wait();
}

BOOST_AUTO_TEST_CASE(what_cannot_be_had_is_said) {
  const auto refused = [](std::vector<std::string> args, std::string_view words, std::vector<std::string> env = {}) {
    Start start = running(std::move(args));
    start.env = std::move(env);
    const auto result = run(start);
    BOOST_TEST(result.code == 125, words << ": " << result.err);
    BOOST_TEST(has(result.err, words), result.err);
    BOOST_TEST(result.out == "", result.out);
  };
  const Held held;
  const auto taken = "127.0.0.1:" + std::to_string(held.port) + ":80";
  refused({"-p", taken, "echo", "ran"}, "sup: -p: " + taken + ": Address already in use; somebody has this port");
  refused({"-p", "192.0.2.77:18080:80", "echo", "ran"}, "the host does not have this address");
  refused({"--network", "pasta", "/bin/echo", "ran"}, "pasta: not found in PATH; install it: apt install passt",
          {"PATH=/nosuch"});
  refused({"--network", "host", "-p", "80:80", "echo", "ran"}, "only a network of pasta's has published ports");
  for (const char* bad : {"80", "80:", ":80", "0:80", "80:65536", "80:80/sctp", "1.2.3:80:80", "[::1:80:80"})
    refused({"-p", bad, "echo", "ran"}, std::string("sup: -p ") + bad);
}

BOOST_AUTO_TEST_SUITE_END()
