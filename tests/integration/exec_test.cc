// One more command in a container that runs: exec.
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>

#include "clean.h"
#include "daemon.h"
#include "events.h"
#include "harness.h"
#include "terminal.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

Start executing(const DaemonProcess& daemon, std::vector<std::string> args) {
  Start start;
  start.events = false;
  start.args = {"-S", daemon.name(), "exec"};
  start.args.insert(start.args.end(), args.begin(), args.end());
  return start;
}

Result exec(const DaemonProcess& daemon, std::vector<std::string> args, std::optional<std::string> input = {}) {
  Start start = executing(daemon, std::move(args));
  start.input = std::move(input);
  return run(start);
}

// A container that does nothing.
std::string idle(const DaemonProcess& daemon, std::vector<std::string> options = {}) {
  options.insert(options.end(), {"--name", "web", "sleep", "10000"});
  return daemon.detached(std::move(options));
}

// The processes of a container, as the host sees them.
std::set<pid_t> inside(pid_t first) {
  std::set<pid_t> all;
  std::error_code error;
  const auto name = [&](const std::string& pid) {
    return std::filesystem::read_symlink("/proc/" + pid + "/ns/pid", error).string();
  };
  const auto wanted = name(std::to_string(first));
  if (wanted.empty()) return all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const auto pid = entry.path().filename().string();
    if (pid.find_first_not_of("0123456789") == std::string::npos && name(pid) == wanted &&
        state_of(static_cast<pid_t>(std::stol(pid))) != 'Z') {
      all.insert(static_cast<pid_t>(std::stol(pid)));
    }
  }
  return all;
}

// The Cap lines of a status file.
std::string capabilities(const std::string& status) {
  std::string all;
  for (const auto& line : lines(status)) {
    if (line.starts_with("Cap")) all += line + "\n";
  }
  return all;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(exec_verb, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(it_is_inside_and_is_a_process_of_its_own) {
  DaemonProcess daemon;
  const auto id = idle(daemon);
  const auto first = daemon.pid_of(id);
  const auto result = exec(
      daemon,
      {"web", "sh", "-c",
       "echo $$; hostname; echo $container; for n in mnt pid net ipc uts user; do readlink /proc/self/ns/$n; done; ls /proc/self/fd"});
  BOOST_TEST(result.code == 0, result.err);
  const auto all = lines(result.out);
  BOOST_TEST_REQUIRE(all.size() == 13U, shown(result.out));
  BOOST_TEST(all[0] != "1");
  BOOST_TEST(all[1] == id);
  BOOST_TEST(all[2] == "sup");
  std::size_t at = 3;
  for (const char* kind : {"mnt", "pid", "net", "ipc", "uts", "user"}) {
    BOOST_TEST(all[at++] == std::filesystem::read_symlink("/proc/" + std::to_string(first) + "/ns/" + kind).string());
  }
  // 3 is the directory that ls reads.
  BOOST_TEST(result.out.ends_with("\n0\n1\n2\n3\n"), shown(result.out));
  BOOST_TEST(inside(first).size() == 1U);
  BOOST_TEST(daemon.end() == 0);
  const Events events(daemon.events());
  std::string exec_id;
  for (const auto& event : events.all()) {
    if (event.has("/exec")) exec_id = event.text("/exec");
  }
  BOOST_TEST(exec_id.size() == 12U);
  for (const char* name : {"starting", "started", "exited"}) BOOST_TEST(events.any(name, "/exec", exec_id), name);
  BOOST_TEST(events.count("exited") == 2U);
}

BOOST_AUTO_TEST_CASE(the_status_is_the_commands) {
  DaemonProcess daemon;
  idle(daemon);
  for (const int code : {0, 1, 42, 125, 127, 255})
    BOOST_TEST(exec(daemon, {"web", probe_path(), "exit", std::to_string(code)}).code == code);
  for (const int number : {SIGTERM, SIGKILL, SIGUSR1}) {
    BOOST_TEST(exec(daemon, {"web", "sh", "-c", "kill -" + std::to_string(number) + " $$"}).code == 128 + number);
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_executed_says_why_as_run_does) {
  DaemonProcess daemon;
  idle(daemon);
  const auto script = write_file("bad", "#!/no/such/interpreter\n", 0755);
  const auto plain = write_file("plain", "nothing\n", 0644);
  const std::vector<std::pair<std::vector<std::string>, int>> cases = {
      {{"nosuchcommand"}, 127}, {{"/nosuch/x"}, 127}, {{"/etc"}, 126}, {{script}, 126}, {{plain}, 126}};
  for (const auto& [argv, code] : cases) {
    std::vector<std::string> args{"web"};
    args.insert(args.end(), argv.begin(), argv.end());
    const auto result = exec(daemon, args);
    const auto as_run = sup_run(argv);
    BOOST_TEST(result.code == code, result.err);
    BOOST_TEST(result.err == as_run.err);
    BOOST_TEST(lines(result.err).size() == 1U, shown(result.err));
  }
  const auto gone = exec(daemon, {"-w", "/nosuch/dir", "web", "true"});
  BOOST_TEST(gone.code == 125);
  BOOST_TEST(has(gone.err, "/nosuch/dir"), gone.err);
}

BOOST_AUTO_TEST_CASE(a_wrong_use_is_one_clear_line) {
  DaemonProcess daemon;
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{}, "no container named"},
      {{"web"}, "Missing command"},
      {{"nobody", "true"}, "no such container"},
      {{"web", ""}, "empty command"},
      {{"--detach-keys", "ctrl-!", "web", "true"}, "--detach-keys"},
      {{"-e", "=x", "web", "true"}, "-e"}};
  for (const auto& [args, words] : cases) {
    const auto result = exec(daemon, args);
    BOOST_TEST((result.code == 125 || result.code == 127), words);
    BOOST_TEST(has(result.err, words), result.err);
    BOOST_TEST(lines(result.err).size() == 1U, shown(result.err));
  }
  (void)daemon.detached({"--name", "over", "true"});
  BOOST_TEST(daemon.sup({"wait", "over"}).code == 0);
  const auto over = exec(daemon, {"over", "true"});
  BOOST_TEST(over.code == 125);
  BOOST_TEST(over.err == "sup: exec: over: has exited; start it first\n");
}

BOOST_AUTO_TEST_CASE(streams_are_the_callers_own) {
  DaemonProcess daemon;
  idle(daemon);
  const std::string big(300'000, 'x');
  const auto result = exec(daemon, {"-i", "web", "sh", "-c", "echo wrong >&2; cat"}, big);
  BOOST_TEST(result.code == 0);
  BOOST_TEST((result.out == big));
  BOOST_TEST(result.err == "wrong\n");
  // Without -i nothing is read.
  BOOST_TEST(exec(daemon, {"web", "cat"}, "words").out.empty());
  BOOST_TEST(daemon.end() == 0);
  const auto exited = Events(daemon.events()).all();
  for (const auto& event : exited) {
    if (event.name() == "exited" && event.has("/exec")) BOOST_TEST(!event.has("/bytes/stdout"), event.line());
  }
}

BOOST_AUTO_TEST_CASE(environment_directory_and_user) {
  DaemonProcess daemon;
  idle(daemon, {"-e", "A=1", "-e", "B=2", "-w", "/usr"});
  Start start = executing(daemon, {"-e", "B=3", "-e", "MINE", "-e", "NOTMINE", "web", "sh", "-c",
                                   "echo $A $B $MINE ${NOTMINE-unset}; pwd"});
  start.env = {"MINE=4"};
  BOOST_TEST(run(start).out == "1 3 4 unset\n/usr\n");
  BOOST_TEST(exec(daemon, {"-w", "/tmp", "web", "pwd"}).out == "/tmp\n");
  BOOST_TEST(exec(daemon, {"-w", "bin", "web", "pwd", "-L"}).out == "/usr/bin\n");
  const auto own = std::to_string(uid());
  if (as_user()) {
    BOOST_TEST(exec(daemon, {"web", "id", "-u"}).out == own + "\n");
    BOOST_TEST(exec(daemon, {"-u", own + ":" + std::to_string(gid()), "web", "id", "-u"}).out == own + "\n");
    const auto other = exec(daemon, {"-u", "nobody", "web", "id"});
    BOOST_TEST(other.code == 125);
    BOOST_TEST(has(other.err, "one user only"), other.err);
  } else {
    BOOST_TEST(exec(daemon, {"-u", "nobody", "web", "sh", "-c", "id -un; echo $HOME"}).out == "nobody\n/nonexistent\n");
    BOOST_TEST(exec(daemon, {"-u", "12:34", "web", "sh", "-c", "id -u; id -G"}).out == "12\n34\n");
  }
  const auto nobody = exec(daemon, {"-u", "nosuchuser", "web", "id"});
  BOOST_TEST(nobody.code == 125);
  BOOST_TEST(has(nobody.err, "no such user"), nobody.err);
}

// Battery row B18.
BOOST_AUTO_TEST_CASE(capabilities_are_those_of_run) {
  DaemonProcess daemon;
  std::vector<std::vector<std::string>> kinds = {{}, {"--privileged"}, {"--init"}};
  if (!as_user()) kinds.push_back({"-u", "nobody"});
  for (auto options : kinds) {
    options.insert(options.end(), {"cat", "/proc/self/status"});
    const auto as_run = capabilities(sup_run(options).out);
    options.resize(options.size() - 2);
    options.insert(options.end(), {"sleep", "1000"});
    const auto id = daemon.detached(options);
    const auto as_exec = capabilities(exec(daemon, {id, "cat", "/proc/self/status"}).out);
    BOOST_TEST(!as_exec.empty());
    BOOST_TEST(as_exec == as_run, (options.empty() ? std::string() : options[0]));
    for (const char* empty : {"CapInh:\t0000000000000000", "CapAmb:\t0000000000000000"})
      BOOST_TEST(has(as_exec, empty), as_exec);
  }
  if (as_user()) return;
  const auto id = daemon.detached({"sleep", "1000"});
  BOOST_TEST(capabilities(exec(daemon, {"-u", "nobody", id, "cat", "/proc/self/status"}).out) ==
             capabilities(sup_run({"-u", "nobody", "cat", "/proc/self/status"}).out));
}

BOOST_AUTO_TEST_CASE(signals_reach_it) {
  DaemonProcess daemon;
  idle(daemon);
  Process client(
      executing(daemon, {"web", "sh", "-c", "trap 'echo got; exit 9' TERM; echo ready; while :; do sleep 0.05; done"}));
  BOOST_TEST_REQUIRE(client.wait_out("ready"));
  client.signal(SIGTERM);
  BOOST_TEST(client.wait().code() == 9);
  BOOST_TEST(has(client.out(), "got"));
  // Not a PID 1: what has no handler kills.
  Process plain(executing(daemon, {"web", "sh", "-c", "echo ready; exec sleep 1000"}));
  BOOST_TEST_REQUIRE(plain.wait_out("ready"));
  plain.signal(SIGINT);
  BOOST_TEST(plain.wait().code() == 128 + SIGINT);
  BOOST_TEST(Events(daemon.events()).any("signal", "/effect", "delivered"));
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(a_terminal_with_its_size_and_raw) {
  DaemonProcess daemon;
  idle(daemon);
  Terminal terminal(
      executing(daemon,
                {"-ti", "web", "sh", "-c",
                 "stty size; echo $TERM; trap 'stty size; exit 5' WINCH; echo ready; while :; do sleep 0.05; done"}),
      {.rows = 33, .columns = 77});
  BOOST_TEST(terminal.wait_out("33 77"));
  BOOST_TEST_REQUIRE(terminal.wait_out("ready"));
  BOOST_TEST(terminal.wait_raw());
  terminal.resize({.rows = 20, .columns = 50});
  BOOST_TEST(terminal.wait_out("20 50"));
  BOOST_TEST(terminal.finish().code() == 5);
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(keys_go_in_and_the_detach_keys_leave_it) {
  DaemonProcess daemon;
  const auto id = idle(daemon);
  Terminal terminal(executing(daemon, {"-ti", "web", probe_path(), "keys"}));
  BOOST_TEST_REQUIRE(terminal.wait_out("ready"));
  terminal.ask("a", "key 61");
  terminal.ask("\x03", "key 03");
  terminal.send("\x10\x11");
  BOOST_TEST(terminal.finish().code() == 0);
  // It is there still, and goes with its container.
  BOOST_TEST(inside(daemon.pid_of(id)).size() == 2U);
  BOOST_TEST(daemon.sup({"rm", "-f", "web"}).code == 0);
  BOOST_TEST(daemon.end() == 0);
  BOOST_TEST(Events(daemon.events()).count("exited") == 2U);
}

BOOST_AUTO_TEST_CASE(d_returns_when_it_runs) {
  DaemonProcess daemon;
  const auto id = idle(daemon);
  const auto result = exec(daemon, {"-d", "web", "sh", "-c", "echo lost; exec sleep 1000"});
  BOOST_TEST(result.code == 0, result.err);
  BOOST_TEST(result.out.empty());
  BOOST_TEST(inside(daemon.pid_of(id)).size() == 2U);
  BOOST_TEST(exec(daemon, {"-d", "web", "nosuchcommand"}).code == 127);
  BOOST_TEST(exec(daemon, {"-td", "web", "sh", "-c", "tty && exec sleep 1000"}).code == 0);
  // tty may be at work still.
  daemon.wait_until([&] { return inside(daemon.pid_of(id)).size() == 3U; }, "three processes");
  BOOST_TEST(daemon.end() == 0);
}

// Battery row B35: who leaves somebody behind does not wait for them, and they end.
BOOST_AUTO_TEST_CASE(what_it_leaves_behind_ends_with_it) {
  DaemonProcess daemon({"--pool", "0"});   // nothing is kept ready: descriptors are counted
  const auto id = idle(daemon);
  const auto first = daemon.pid_of(id);
  const auto before = fds_of(daemon.pid());
  for (long i = scaled(10); i > 0; --i) {
    const auto begin = Clock::now();
    const auto result =
        exec(daemon, {i % 2 == 0 ? "-t" : "-i", "web", "sh", "-c", "sleep 990 & sleep 991 & echo said; exit 4"}, "");
    BOOST_TEST(result.code == 4, result.err);
    BOOST_TEST(has(result.out, "said"));
    BOOST_TEST((since(begin) < patient(5s)));
  }
  daemon.wait_until([&] { return inside(first).size() == 1U; }, "nobody left in the container");
  daemon.wait_until([&] { return fds_of(daemon.pid()) <= before; }, "no descriptors left");
  // Jobs of a shell with job control have groups of their own.
  BOOST_TEST(exec(daemon, {"web", "sh", "-c", "set -m; sleep 992 & sh -c 'sleep 993 & sleep 994' & exit 0"}).code == 0);
  daemon.wait_until([&] { return inside(first).size() == 1U; }, "no jobs left in the container");
}

BOOST_AUTO_TEST_CASE(who_has_a_session_of_its_own_stays_and_holds_nobody) {
  DaemonProcess daemon;
  const auto id = idle(daemon);
  const auto first = daemon.pid_of(id);
  // Through a terminal, so that the output is pumped: the daemon has it open and says nothing.
  const auto ready = dir() + "/ready";
  const auto begin = Clock::now();
  const auto result = exec(daemon, {"-t", "web", "sh", "-c",
                                    "setsid sh -c 'trap \"\" HUP; : > " + ready + "; exec sleep 1000' & while ! [ -e " +
                                        ready + " ]; do sleep 0.01; done; echo said; exit 6"});
  BOOST_TEST(result.code == 6, result.err);
  BOOST_TEST(has(result.out, "said"));
  BOOST_TEST((since(begin) < patient(8s)));
  BOOST_TEST(inside(first).size() == 2U);
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(the_containers_end_is_its_end) {
  DaemonProcess daemon;
  (void)idle(daemon);
  std::vector<std::unique_ptr<Process>> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(std::make_unique<Process>(
        executing(daemon, {"web", "sh", "-c", "trap '' TERM HUP INT; echo ready; while :; do sleep 1000; done"})));
    BOOST_TEST_REQUIRE(clients.back()->wait_out("ready"));
  }
  BOOST_TEST(daemon.sup({"kill", "web"}).code == 0);
  for (auto& client : clients) BOOST_TEST(client->wait().code() == 128 + SIGKILL);
  BOOST_TEST(daemon.sup({"wait", "web"}).out == "137\n");
  BOOST_TEST(daemon.end() == 0);
  BOOST_TEST(Events(daemon.events()).count("exited") == 6U);
}

BOOST_AUTO_TEST_CASE(a_container_that_ends_while_it_is_entered) {
  DaemonProcess daemon;
  for (long i = scaled(6); i > 0; --i) {
    const auto id = daemon.detached({"--rm", "sleep", "1000"});
    std::vector<std::unique_ptr<Process>> clients;
    for (int k = 0; k < 4; ++k) clients.push_back(std::make_unique<Process>(executing(daemon, {id, "sleep", "1000"})));
    BOOST_TEST(daemon.sup({"rm", "-f", id}).code == 0);
    for (auto& client : clients) {
      const int code = client->wait().code();
      BOOST_TEST((code == 125 || code == 137), code << " " << client->err());
      if (code == 125) BOOST_TEST(lines(client->err()).size() == 1U, client->err());
    }
  }
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(a_terminal_that_vanishes_takes_it_along) {
  DaemonProcess daemon;
  const auto id = idle(daemon);
  const auto first = daemon.pid_of(id);
  const auto before = inside(first).size();
  for (const auto& command :
       std::vector<std::vector<std::string>>{{"sh", "-c", "echo ready; exec sleep 1000"},
                                             {"sh", "-c", "echo ready; while :; do echo on; done"},
                                             {"sh", "-c", "echo ready; read x; exec sleep 1000"}}) {
    std::vector<std::string> words = {"-ti", "web"};
    words.insert(words.end(), command.begin(), command.end());
    Terminal terminal(executing(daemon, words));
    terminal.expect_restored(false);
    BOOST_TEST_REQUIRE(terminal.wait_out("ready"));
    terminal.hang_up();
    (void)terminal.wait();
    daemon.wait_until([&] { return inside(first).size() == before; }, "the command to be gone");
  }
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(a_client_that_is_killed_takes_it_along) {
  DaemonProcess daemon;
  const auto id = idle(daemon);
  const auto first = daemon.pid_of(id);
  for (const char* flag : {"-i", "-ti"}) {
    Process client(executing(daemon, {flag, "web", "sh", "-c", "echo ready; sleep 1000"}));
    BOOST_TEST_REQUIRE(client.wait_out("ready"));
    client.signal(SIGKILL);
    BOOST_TEST(client.wait().code() == 1000 + SIGKILL);
    daemon.wait_until([&] { return inside(first).size() == 1U; }, "nobody left in the container");
  }
  BOOST_TEST(daemon.end() == 0);
}

// setns(2) leads into the root of the mount namespace, which is not the container's where its supervisor is in a chroot(2).
BOOST_AUTO_TEST_CASE(in_a_chroot_the_root_is_the_containers) {
  if (as_user() || !own_mounts()) SUP_CANNOT("needs root, and mounts of the tests' own");
  const std::string place = dir() + "/root";
  BOOST_TEST_REQUIRE(::mkdir(place.c_str(), 0755) == 0);
  BOOST_TEST_REQUIRE(::mount("/", place.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0);
  // By nobody else's mounts, and nobody else by its.
  BOOST_TEST(::mount(nullptr, place.c_str(), nullptr, MS_PRIVATE | MS_REC, nullptr) == 0);
  BOOST_TEST_REQUIRE(::mount("none", (place + "/mnt").c_str(), "tmpfs", 0, nullptr) == 0);
  {
    std::ofstream(place + "/mnt/marker") << "inside\n";
    const auto inside = [&](std::vector<std::string> args) {
      Start start;
      start.program = "/usr/sbin/chroot";
      start.args = {place, sup_path(), "--events", "none"};
      start.args.insert(start.args.end(), args.begin(), args.end());
      start.events = false;
      return start;
    };
    auto start = inside({"run", "--name", "web", "-i", "sh", "-c", "cat /mnt/marker; read x"});
    start.in = Start::In::open;
    Process process(start);
    BOOST_TEST(process.wait_out("inside"));
    process.wait_until([] { return !foreground_sockets().empty(); }, "its socket");
    const auto seen = run(inside({"exec", "-w", "/", "web", "cat", "/mnt/marker"}));
    BOOST_TEST(seen.out == "inside\n", seen.err);
    process.close_input();
    (void)process.wait();
  }
  BOOST_TEST(::umount2(place.c_str(), MNT_DETACH) == 0);
}

BOOST_AUTO_TEST_CASE(many_at_once) {
  DaemonProcess daemon({"--pool", "0"});  // nothing is kept ready: descriptors are counted
  const auto id = idle(daemon);
  const auto before = fds_of(daemon.pid());
  std::vector<std::unique_ptr<Process>> clients;
  const long count = scaled(40);
  for (long i = 0; i < count; ++i)
    clients.push_back(std::make_unique<Process>(
        executing(daemon, {"web", "sh", "-c", "echo " + std::to_string(i) + "; exit " + std::to_string(i % 100)})));
  for (long i = 0; i < count; ++i) {
    auto& client = *clients[static_cast<std::size_t>(i)];
    BOOST_TEST(client.wait(60s).code() == i % 100, client.err());
    BOOST_TEST(client.out() == std::to_string(i) + "\n");
  }
  BOOST_TEST(inside(daemon.pid_of(id)).size() == 1U);
  daemon.wait_until([&] { return fds_of(daemon.pid()) <= before; }, "no descriptors left");
  BOOST_TEST(daemon.end() == 0);
}

BOOST_AUTO_TEST_CASE(one_that_is_starting_is_waited_for) {
  if (as_user()) SUP_CANNOT("a client by hand is another user than the supervisor here");
  DaemonProcess daemon;
  RawClient client(daemon.socket());
  (void)client.line();
  // Both requests before the first is answered.
  client.send(
      R"({"jsonrpc":"2.0","id":1,"method":"container.run","params":{"cwd":"/","environ":["PATH=/usr/bin:/bin"],"spec":{"name":"slow","argv":["sleep","1000"]}}})"
      "\n"
      R"({"jsonrpc":"2.0","id":2,"method":"container.exec","params":{"container":"slow","detach":true,"spec":{"argv":["sleep","1001"]}}})"
      "\n");
  const auto begun = parse_json(client.line());
  const auto entered = parse_json(client.line());
  BOOST_TEST(begun.text("/id") == "1");
  BOOST_TEST(entered.text("/result/exec").size() == 12U, entered.line());
  BOOST_TEST(entered.text("/result/id") == begun.text("/result/id"));
  client.close();
  BOOST_TEST(daemon.end() == 0);
}

// Battery rows A18, A19: what those inside see of one who comes in is nothing of the host.
BOOST_AUTO_TEST_CASE(those_inside_see_nothing_of_the_host_in_who_comes_in) {
  DaemonProcess daemon;
  const auto seen = write_file("seen", "", 0666);
  const auto watcher = write_file(
      "watch",
      "while :; do for p in /proc/[0-9]*; do readlink $p/exe $p/root $p/cwd $p/fd/* 2>/dev/null; done; done > " + seen,
      0644);
  (void)daemon.detached({"--name", "web", "-w", "/", "sh", watcher});
  for (long i = scaled(20); i > 0; --i) BOOST_TEST(exec(daemon, {"web", "true"}).code == 0);
  BOOST_TEST(daemon.sup({"rm", "-f", "web"}).code == 0);
  std::set<std::string> all;
  for (const auto& line : lines(read_text(seen))) all.insert(line);
  BOOST_TEST(all.size() > 2U);
  for (const auto& line : all) {
    BOOST_TEST(!has(line, sup_path()), line);
    BOOST_TEST(!has(line, runtime_dir()), line);
    BOOST_TEST(!has(line, "sup-plan"), line);
    BOOST_TEST(!has(line, "anon_inode:"), line);
    // Root inside may look at init itself, which is nothing of the host's.
    BOOST_TEST((!line.starts_with("/") || line == "/memfd:sup-init (deleted)" || line == "/" ||
                line.starts_with("/usr/") || line.starts_with("/bin/") || line.starts_with("/dev/null") ||
                line.starts_with("/proc") || line == "/etc/ld.so.cache" || line == seen || line == watcher),
               line);
  }
}

BOOST_AUTO_TEST_SUITE_END()
