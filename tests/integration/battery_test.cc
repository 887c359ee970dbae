// Attacks and faults that a foreground run can meet. Each is named after what must hold.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "clean.h"
#include "events.h"
#include "harness.h"
#include "probe/pattern.h"
#include "terminal.h"

using namespace sup::test;
namespace but = boost::unit_test;

BOOST_FIXTURE_TEST_SUITE(battery, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(b05_the_tail_of_a_terminals_output_is_never_lost) {
  const long rounds = scaled(4);
  for (const long size : {1L, 4095L, 4096L, 5000L, 12000L, 65536L, 200'000L, 1L << 20}) {
    for (const int delay : {0, 20, 50}) {
      for (long i = 0; i < (delay == 0 ? rounds : (rounds + 3) / 4); ++i) {
        auto start = running({"-t", probe_path(), "write", std::to_string(size)});
        start.events = false;
        start.args.insert(start.args.begin(), {"--events", "none"});
        Process process(start);
        process.stop_reading(true);
        if (delay > 0) process.watch(milliseconds(delay));
        process.stop_reading(false);
        process.wait();
        Pattern pattern(Pattern::Kind::text);
        BOOST_TEST(process.out().size() == static_cast<std::size_t>(size), size << " bytes, reader delay " << delay);
        BOOST_TEST(pattern.check(process.out().data(), process.out().size()));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(b07_the_program_of_pid_1_cannot_be_rewritten) {
  namespace fs = std::filesystem;
  const auto init = fs::canonical(sup_path()).parent_path() / "../init/init";
  const auto before = fs::exists(init) ? read_text(init.string()) : std::string();
  const auto sup_before = read_text(sup_path());
  for (long i = 0; i < scaled(3); ++i) {
    const auto result = sup_run({"--init", probe_path(), "rewrite"});
    BOOST_TEST(result.code == 0, result.err);
    if (!as_user()) BOOST_TEST(value(result.out, "exe").starts_with("/memfd:"), result.out);
    BOOST_TEST(value(result.out, "written") == "0", result.out);
  }
  if (!before.empty()) BOOST_TEST((read_text(init.string()) == before), "init was rewritten");
  BOOST_TEST((read_text(sup_path()) == sup_before), "sup was rewritten");
  // A command that names itself by PID 1 runs the sealed init, not for ever.
  const auto script = write_file("self", "#!/proc/self/exe\n", 0755);
  Start start;
  start.deadline = 5s;
  const auto self = sup_run({script}, start);
  BOOST_TEST((self.code >= 125 && self.code <= 127), self.code);
}

BOOST_AUTO_TEST_CASE(b09_nothing_is_typed_into_the_callers_terminal) {
  if (!exists("/bin/bash")) SUP_SKIP("no bash");
  const auto marker = dir() + "/typed";
  for (const char* flag : {"--rm", "-i", "-t", "-ti"}) {
    Start start;
    start.program = "/bin/bash";
    start.args = {"--norc", "--noprofile", "-i"};
    start.env = {"PS1=host$ ", "TERM=dumb"};
    Terminal terminal(start);
    BOOST_TEST_REQUIRE(terminal.wait_out("host$ "));
    terminal.send("'" + sup_path() + "' --events none run " + flag + " '" + probe_path() +
                  "' tiocsti \"$(printf 'touch " + marker + "\\n\\n')\"\n");
    BOOST_TEST(terminal.wait_out("typed "));
    BOOST_TEST(terminal.wait_until([&] { return terminal.out().rfind("host$ ") > terminal.out().rfind("typed "); },
                                   "the prompt"));
    BOOST_TEST(terminal.ask("echo over-$((1+1))\n", "over-2"));
    terminal.send("exit\n");
    terminal.finish();
    BOOST_TEST(!exists(marker), "run " << flag << ": the caller's shell executed what the container typed");
  }
}

BOOST_AUTO_TEST_CASE(b15_no_mount_shows_on_the_host_at_any_time, *but::label("serial")) {
  if (!own_mounts()) SUP_CANNOT("needs a mount namespace of the tests' own");
  // The kernel tells every change of our mounts by POLLPRI, so nothing is too short to be seen.
  const sup::Fd watched(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
  char buffer[65536];
  while (::read(watched.get(), buffer, sizeof buffer) > 0) {
  }
  const auto changed = [&] {
    pollfd fd{watched.get(), POLLPRI, 0};
    return ::poll(&fd, 1, 0) > 0 && (fd.revents & POLLPRI) != 0;
  };
  changed();  // the first answer is about the past
  BOOST_TEST(!changed());
  const long total = scaled(40);
  std::vector<std::unique_ptr<Process>> all;
  for (long i = 0; i < total; ++i) {
    auto start = running({"sh", "-c", "mount -t tmpfs none /mnt; umount /proc; true"});
    all.push_back(std::make_unique<Process>(start));
  }
  for (auto& process : all) BOOST_TEST(process->wait(60s).code() == 0);
  BOOST_TEST(!changed(), "a mount of a container showed on the host");
}

BOOST_AUTO_TEST_CASE(b23_no_other_init_is_ever_run) {
  const auto marker = dir() + "/evil-ran";
  const std::string evil = "#!/bin/sh\ntouch " + marker + "\nexec /bin/true\n";
  for (const char* place : {"bin", "libexec", "libexec/sup", "init", "x"})
    BOOST_TEST(::mkdir((dir() + "/" + place).c_str(), 0755) == 0);
  write_file("init.sh", evil, 0755);
  write_file("libexec/sup/init", evil, 0755);
  write_file("init/init", evil, 0755);
  write_file("bin/init", evil, 0755);
  write_file("bin/sup-init", evil, 0755);
  BOOST_TEST(::symlink(sup_path().c_str(), (dir() + "/bin/sup").c_str()) == 0);
  const std::vector<std::pair<const char*, Start>> variants = [&] {
    std::vector<std::pair<const char*, Start>> made;
    const auto add = [&](const char* what, auto change) {
      auto start = running({"/bin/sh", "-c", "exit 5"});
      change(start);
      made.emplace_back(what, start);
    };
    add("PATH=.", [](Start& s) { s.env = {"PATH=.:/usr/bin:/bin"}; });
    add("PATH first", [](Start& s) { s.env = {"PATH=" + dir() + "/bin:/usr/bin:/bin"}; });
    add("SUP_INIT", [](Start& s) { s.env = {"SUP_INIT=" + dir() + "/init.sh"}; });
    add("INIT", [](Start& s) {
      s.env = {"INIT=" + dir() + "/init.sh", "SUP_INIT_PATH=" + dir() + "/init.sh",
               "SUP_LIBEXEC=" + dir() + "/libexec"};
    });
    add("argv[0]", [](Start& s) { s.argv0 = dir() + "/bin/sup"; });
    add("argv[0] relative", [](Start& s) { s.argv0 = "bin/sup"; });
    add("by a symlink", [](Start& s) {
      s.program = dir() + "/bin/sup";
      s.events = false;
      s.args.insert(s.args.begin(), {"--events", "none"});
    });
    add("cwd beside", [](Start& s) { s.cwd = dir() + "/x"; });
    add("cwd bin", [](Start& s) { s.cwd = dir() + "/bin"; });
    add("HOME", [](Start& s) { s.env = {"HOME=" + dir(), "XDG_DATA_HOME=" + dir(), "XDG_CONFIG_HOME=" + dir()}; });
    add("IFS and ENV",
        [](Start& s) { s.env = {"IFS=/", "ENV=" + dir() + "/nothing", "BASH_ENV=" + dir() + "/nothing"}; });
    add("TMPDIR", [](Start& s) { s.env = {"TMPDIR=" + dir() + "/init"}; });
    return made;
  }();
  for (const auto& [what, start] : variants) {
    const auto result = run(start);
    BOOST_TEST(result.code == 5, what << ": " << result.code << " " << result.err);
    BOOST_TEST(!exists(marker), what << ": another init was run");
  }
}

BOOST_AUTO_TEST_CASE(b31_signals_to_a_newborn_child_are_not_sups, *but::label("serial")) {
  for (long i = 0; i < scaled(40); ++i) {
    auto start = running({"true"});
    Process process(start);
    const std::string children =
        "/proc/" + std::to_string(process.pid()) + "/task/" + std::to_string(process.pid()) + "/children";
    while (!process.ended() && state_of(process.pid()) != 'Z' && state_of(process.pid()) != 0) {
      const auto text = read_text(children);
      if (const int child = std::atoi(text.c_str()); child > 1) ::kill(child, SIGTERM);
    }
    BOOST_TEST(process.wait().code() == 0, shown(process.err()));
    const Events events(process.events());
    BOOST_TEST(events.count("signal") == 0U, process.events());
    BOOST_TEST(events.count("stopping") == 0U);
  }
}

BOOST_AUTO_TEST_CASE(b38_huge_arguments) {
  std::vector<std::string> args = {probe_path(), "exit", "6"};
  for (int i = 0; i < 14; ++i) args.push_back(std::string(130'000, static_cast<char>('a' + i)));
  const auto result = sup_run(args);
  BOOST_TEST(result.code == 6, result.err.substr(0, 500));
  for (const auto& line : lines(result.events)) BOOST_TEST(line.size() <= 65536U);
  std::vector<std::string> many = {probe_path(), "exit", "6"};
  for (int i = 0; i < 60'000; ++i) many.emplace_back("x");
  BOOST_TEST(sup_run(many).code == 6);
}

BOOST_AUTO_TEST_CASE(b48_a_reader_that_sleeps, *but::label("serial")) {
  // Sizes: far beyond every buffer on the way. The reader sleeps one second, or what $SUP_STRESS makes of it.
  const long size = 32L << 20;
  for (const char* flag : {"-t", "--init"}) {
    Process process(running({flag, probe_path(), "write", std::to_string(size)}));
    process.stop_reading(true);
    process.wait_event("\"started\"");
    process.watch(300ms);  // until everything is full
    const long before = cpu_ms(process.pid());
    const auto nap = milliseconds(scaled(1000));
    process.watch(nap);
    const long used = cpu_ms(process.pid()) - before;
    BOOST_TEST(used <= std::max<long>(20, nap.count() / 100),
               "sup used " << used << " ms while its reader slept " << nap.count() << " ms");
    BOOST_TEST(!process.ended());
    BOOST_TEST(rss_peak_kib(process.pid()) < memory_bound_kib(), "peak RSS " << rss_peak_kib(process.pid()) << " KiB");
    process.stop_reading(false);
    BOOST_TEST(process.wait(60s).code() == 0);
    Pattern pattern(Pattern::Kind::text);
    BOOST_TEST(process.out().size() == static_cast<std::size_t>(size));
    BOOST_TEST(pattern.check(process.out().data(), process.out().size()), "at " << pattern.bad_at());
  }
}

BOOST_AUTO_TEST_CASE(input_for_a_command_that_does_not_read, *but::label("serial")) {
  for (const char* flags : {"-i", "-ti"}) {
    auto start = running({flags, "sh", "-c", "stty raw -echo 2>/dev/null; echo ready; exec sleep 600"});
    start.in = Start::In::open;
    Process process(start);
    BOOST_TEST_REQUIRE(process.wait_out("ready"));
    process.send(std::string(32 << 20, 'x'));
    process.watch(500ms);
    BOOST_TEST(rss_peak_kib(process.pid()) < memory_bound_kib(),
               flags << ": peak RSS " << rss_peak_kib(process.pid()) << " KiB");
    process.signal(SIGTERM);
    process.wait_until([&] { return has(process.out() + process.err(), "has no handler"); },
                       "the word about the handler");
    process.signal(SIGTERM);
    BOOST_TEST(process.wait().code() != 0);
  }
}

BOOST_AUTO_TEST_CASE(b50_the_callers_flags_are_his_own) {
  // O_NONBLOCK on the shared description, set by neither a good end nor a bad one.
  for (const char* flag : {"--rm", "-i", "-ti", "-t"}) {
    for (const char* way : {"exit", "segv"}) {
      int in[2], out[2];
      BOOST_TEST_REQUIRE(::pipe2(in, O_CLOEXEC) == 0);
      BOOST_TEST_REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
      auto start = running({flag, probe_path(), way});
      start.in = Start::In::given;
      start.in_fd = in[0];
      start.out_fd = start.err_fd = out[1];
      Process process(start);
      ::close(in[1]);
      process.wait();
      BOOST_TEST((::fcntl(in[0], F_GETFL) & O_NONBLOCK) == 0, flag << " " << way << ": stdin was left non-blocking");
      BOOST_TEST((::fcntl(out[1], F_GETFL) & O_NONBLOCK) == 0, flag << " " << way << ": stdout was left non-blocking");
      for (const int fd : {in[0], out[0], out[1]}) ::close(fd);
    }
  }
}

BOOST_AUTO_TEST_CASE(b58_a_bad_init_is_told_before_anything_runs) {
  // A copy of sup with nothing, or something wrong, where its init should be.
  namespace fs = std::filesystem;
  fs::create_directories(dir() + "/t/bin");
  const auto bin = dir() + "/t/bin/sup";
  write_file("t/bin/sup", read_text(sup_path()), 0755);
  const auto try_it = [&](const char* what) {
    auto start = running({"touch", dir() + "/ran"});
    start.program = bin;
    start.events = false;
    start.args.insert(start.args.begin(), {"--events", "none"});
    const auto result = run(start);
    BOOST_TEST(result.code == 125, what << ": " << result.code << " " << result.err);
    BOOST_TEST(lines(result.err).size() == 1U, what << ": " << shown(result.err));
    BOOST_TEST(!exists(dir() + "/ran"), what << ": the command ran");
  };
  try_it("missing");
  fs::create_directories(dir() + "/t/libexec/sup");
  fs::create_directories(dir() + "/t/init");
  const auto real = read_text((fs::canonical(sup_path()).parent_path() / "../init/init").string());
  auto other = real;
  if (!other.empty()) other[18] = '\xf3';
  const std::tuple<const char*, std::string, unsigned> bad[] = {
      {"empty", "", 0755U},
      {"a script", "#!/bin/sh\ntouch " + dir() + "/ran\n", 0755U},
      {"not ELF", "hello", 0755U},
      {"truncated", real.substr(0, 200), 0755U},
      {"another machine", other, 0755U},
      {"writable by all", real, 0777U}};
  for (const auto& [what, text, mode] : bad) {
    write_file("t/libexec/sup/init", text, mode);
    write_file("t/init/init", text, mode);
    try_it(what);
  }
}

BOOST_AUTO_TEST_CASE(b63_created_started_exited_in_this_order) {
  for (long i = 0; i < scaled(100); ++i) {
    const auto result = sup_run({"true"});
    BOOST_TEST(result.code == 0);
    std::string order;
    for (const auto& event : Events(result.events).all()) order += event.name() + " ";
    BOOST_TEST(order.starts_with("starting started exited "), order);
  }
}

BOOST_AUTO_TEST_SUITE_END()
