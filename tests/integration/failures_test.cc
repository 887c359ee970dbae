// Why it failed: each cause has its own status, its own stable code, and one line that a person can act on.
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "clean.h"
#include "events.h"
#include "harness.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

// The command must not have run; the line on stderr must be one, and name `path`.
void expect_failure(const Result& result, int status, const std::string& code, const std::string& part) {
  BOOST_TEST_CONTEXT("err: " << shown(result.err) << " codes: " << Events(result.events).codes()) {
    BOOST_TEST(result.code == status);
    BOOST_TEST(lines(result.err).size() == 1U);
    BOOST_TEST(result.err.starts_with("sup: "));
    BOOST_TEST(has(result.err, part));
    BOOST_TEST(result.out.empty());
    const Events events(result.events);
    BOOST_TEST(events.count("started") == 0U);
    BOOST_TEST(has(" " + events.codes() + " ", " " + code + " "), "the code " << code);
    BOOST_TEST(events.first("failed").number("/exit_code") == status);
  }
}

// A copy of an ELF program with one place changed.
std::string changed_elf(const std::string& name, std::size_t at, std::string_view bytes) {
  auto text = read_text("/bin/true");
  BOOST_TEST_REQUIRE(text.size() > at + bytes.size());
  text.replace(at, bytes.size(), bytes);
  return write_file(name, text, 0755);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(failures, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(not_in_path) {
  expect_failure(sup_run({"no-such-command-anywhere"}), 127, "E_EXEC_NOTFOUND", "no-such-command-anywhere");
}

BOOST_AUTO_TEST_CASE(missing_file) {
  expect_failure(sup_run({dir() + "/nosuch"}), 127, "E_EXEC_NOTFOUND", dir() + "/nosuch");
}

BOOST_AUTO_TEST_CASE(missing_path_component) {
  // The line says which component it is.
  const auto result = sup_run({dir() + "/nodir/deeper/cmd"});
  expect_failure(result, 127, "E_EXEC_COMPONENT", dir() + "/nodir");
  const auto through_a_file = sup_run({write_file("plain", "x") + "/cmd"});
  BOOST_TEST((through_a_file.code == 126 || through_a_file.code == 127), through_a_file.err);
  BOOST_TEST(has(through_a_file.err, dir() + "/plain"), through_a_file.err);
}

BOOST_AUTO_TEST_CASE(a_directory) { expect_failure(sup_run({dir()}), 126, "E_EXEC_DIR", "directory"); }

BOOST_AUTO_TEST_CASE(no_x_bit) {
  const auto result = sup_run({write_file("script", "#!/bin/sh\n", 0644)});
  expect_failure(result, 126, "E_EXEC_PERM", dir() + "/script");
  BOOST_TEST(has(result.err, "chmod"), "the line says what to do: " << result.err);
}

// As an image of one program has it; --pidfile: not ahead of main(), where init is looked for by other code.
BOOST_AUTO_TEST_CASE(sup_in_the_root_finds_its_init) {
  if (as_user() || !own_mounts()) SUP_CANNOT("needs root, and mounts of the tests' own");
  const std::string place = dir() + "/image";
  BOOST_TEST_REQUIRE(::mkdir(place.c_str(), 0755) == 0);
  BOOST_TEST_REQUIRE(::mount("none", place.c_str(), "tmpfs", 0, nullptr) == 0);
  for (const char* folder : {"/init", "/proc", "/dev", "/tmp"}) std::filesystem::create_directory(place + folder);
  // Whatever it is linked with comes along.
  for (const char* folder : {"/lib", "/lib64", "/usr"}) {
    std::filesystem::create_directory(place + folder);
    BOOST_TEST_REQUIRE(::mount(folder, (place + folder).c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0);
  }
  BOOST_TEST_REQUIRE(::mount("/dev", (place + "/dev").c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0);
  BOOST_TEST_REQUIRE(::mount("proc", (place + "/proc").c_str(), "proc", 0, nullptr) == 0);
  // What goes from there at the end stays here.
  BOOST_TEST_REQUIRE(::mount(nullptr, place.c_str(), nullptr, MS_PRIVATE | MS_REC, nullptr) == 0);
  std::filesystem::copy_file(sup_path(), place + "/sup");
  const auto built = std::filesystem::path(sup_path()).parent_path().parent_path() / "init/init";
  std::filesystem::copy_file(built, place + "/init/init");
  Start start;
  start.events = false;
  start.program = "/usr/sbin/chroot";
  start.args = {place, "/sup", "--events", "none", "run", "--pidfile", "/tmp/pid", "/sup", "version"};
  const auto result = run(start);
  BOOST_TEST(result.code == 0, result.err);
  BOOST_TEST(result.out.starts_with("sup "), result.out);
  BOOST_TEST(::umount2(place.c_str(), MNT_DETACH) == 0);
}

// A chroot into what is no mount point: doctor says what a run says.
BOOST_AUTO_TEST_CASE(a_root_that_is_no_mount_point) {
  if (as_user() || !own_mounts()) SUP_CANNOT("needs root, and mounts of the tests' own");
  const std::string place = dir() + "/plain";
  BOOST_TEST_REQUIRE(::mkdir(place.c_str(), 0755) == 0);
  for (const char* folder : {"/proc", "/dev", "/lib", "/lib64", "/usr"}) {
    std::filesystem::create_directory(place + folder);
    BOOST_TEST_REQUIRE(::mount(folder, (place + folder).c_str(), nullptr, MS_BIND, nullptr) == 0);
  }
  std::filesystem::create_directory(place + "/init");
  std::filesystem::copy_file(sup_path(), place + "/sup");
  std::filesystem::copy_file(std::filesystem::path(sup_path()).parent_path().parent_path() / "init/init",
                             place + "/init/init");
  Start start;
  start.events = false;
  start.program = "/usr/sbin/chroot";
  for (const auto& words : {std::vector<std::string>{"run", "/usr/bin/true"}, {"doctor"}}) {
    start.args = {place, "/sup", "--events", "none"};
    start.args.insert(start.args.end(), words.begin(), words.end());
    const auto result = run(start);
    BOOST_TEST(has(result.out + result.err, "the root is no mount point"), result.out << result.err);
    BOOST_TEST(has(result.out + result.err, "mount --bind"), result.out << result.err);
  }
  // Nor a /proc: what to do is not to install sup again.
  BOOST_TEST(::umount2((place + "/proc").c_str(), MNT_DETACH) == 0);
  for (const auto& words : {std::vector<std::string>{"run", "/usr/bin/true"}, {"doctor"}}) {
    start.args = {place, "/sup", "--events", "none"};
    start.args.insert(start.args.end(), words.begin(), words.end());
    const auto result = run(start);
    BOOST_TEST(result.code == 125);
    BOOST_TEST(has(result.out + result.err, "mount -t proc proc /proc"), result.out << result.err);
    BOOST_TEST(!has(result.out + result.err, "install sup again"), result.out << result.err);
    BOOST_TEST(!has(result.out, "; mount"), result.out);  // a finding's hint has a line of its own
  }
  for (const char* folder : {"/dev", "/lib", "/lib64", "/usr"})
    BOOST_TEST(::umount2((place + folder).c_str(), MNT_DETACH) == 0);
}

BOOST_AUTO_TEST_CASE(a_noexec_mount) {
  if (!own_mounts()) SUP_CANNOT("needs a mount namespace of the tests' own");
  const auto place = dir() + "/noexec";
  BOOST_TEST_REQUIRE(::mkdir(place.c_str(), 0755) == 0);
  BOOST_TEST_REQUIRE(::mount("none", place.c_str(), "tmpfs", MS_NOEXEC, "mode=777") == 0);
  const auto result = sup_run({write_file("noexec/script", "#!/bin/sh\n", 0755)});
  BOOST_TEST(::umount2(place.c_str(), MNT_DETACH) == 0);
  expect_failure(result, 126, "E_EXEC_NOEXEC_MOUNT", "noexec");
}

BOOST_AUTO_TEST_CASE(a_script_with_crlf) {
  const auto result = sup_run({write_file("script", "#!/bin/sh\r\necho no\r\n", 0755)});
  expect_failure(result, 126, "E_EXEC_CRLF", dir() + "/script");
}

BOOST_AUTO_TEST_CASE(missing_interpreter) {
  expect_failure(sup_run({write_file("script", "#!/no/such/interpreter -x\n", 0755)}), 126, "E_EXEC_INTERP",
                 "/no/such/interpreter");
}

BOOST_AUTO_TEST_CASE(missing_loader) {
  auto text = read_text("/bin/true");
  const auto at = text.find("/lib64/ld-linux-x86-64.so.2");
  if (at == std::string::npos) SUP_CANNOT("/bin/true has another loader here");
  expect_failure(sup_run({changed_elf("loader", at, "/lib64/ld-linux-x86-64.so.9")}), 126, "E_EXEC_LOADER",
                 "/lib64/ld-linux-x86-64.so.9");
}

BOOST_AUTO_TEST_CASE(wrong_machine) {
  // e_machine is at 18; 0xf3 is RISC-V. Where binfmt_misc knows it, it would run.
  const auto result = sup_run({changed_elf("riscv", 18, std::string_view("\xf3\x00", 2))});
  expect_failure(result, 126, "E_EXEC_MACHINE", dir() + "/riscv");
}

BOOST_AUTO_TEST_CASE(an_empty_script) {
  expect_failure(sup_run({write_file("empty", "", 0755)}), 126, "E_EXEC_EMPTY", dir() + "/empty");
}

BOOST_AUTO_TEST_CASE(text_without_an_interpreter) {
  const auto result = sup_run({write_file("text", "echo this is not run by sh\n", 0755)});
  expect_failure(result, 126, "E_EXEC_FORMAT", dir() + "/text");
  BOOST_TEST(has(result.err, "#!"), result.err);
}

BOOST_AUTO_TEST_CASE(too_long_an_argument_list) {
  // One string of the environment beyond the kernel's 128 KiB: sup's own exec could not even have carried it.
  const auto path = write_file("env", "BIG=" + std::string(200'000, 'x') + "\n");
  expect_failure(sup_run({"--env-file", path, "true"}), 126, "E_EXEC_TOOLONG", "BIG");
}

BOOST_AUTO_TEST_CASE(over_long_path) {
  const auto result = sup_run({"/" + std::string(5000, 'x')});
  BOOST_TEST((result.code == 126 || result.code == 127), result.code);
  BOOST_TEST(lines(result.err).size() == 1U);
  BOOST_TEST(result.err.size() < 7000U);
  BOOST_TEST(!Events(result.events).codes().empty());
  // In PATH a directory that is too long is passed over, as a shell does.
  Start start;
  start.env = {"PATH=/" + std::string(5000, 'x') + ":/usr/bin:/bin"};
  BOOST_TEST(sup_run({"true"}, start).code == 0);
  start.env = {"PATH=" + std::string(100'000, ':') + "/usr/bin:/bin"};
  BOOST_TEST(sup_run({"true"}, start).code == 0);
}

BOOST_AUTO_TEST_CASE(forbidden_in_path_then_found) {
  const auto bin = dir() + "/bin";
  BOOST_TEST_REQUIRE(::mkdir(bin.c_str(), 0755) == 0);
  write_file("bin/true", "#!/bin/sh\nexit 9\n", 0644);
  write_file("bin/only-here", "#!/bin/sh\n", 0644);
  Start start;
  start.env = {"PATH=" + bin + ":/usr/bin:/bin"};
  BOOST_TEST(sup_run({"true"}, start).code == 0);
  BOOST_TEST(sup_run({"only-here"}, start).code == 126);
}

BOOST_AUTO_TEST_CASE(an_empty_command) {
  const auto result = sup_run({""});
  BOOST_TEST((result.code == 127 || result.code == 125), result.code << result.err);
  BOOST_TEST(lines(result.err).size() == 1U, result.err);
}

// Programs of one user watch so much together that the kernel takes no more: what there is to watch is polled.
BOOST_AUTO_TEST_CASE(epoll_watches_nothing_more) {
  if (as_user()) return;  // a sup in a sup
  write_file("full.json", R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[)"
                          R"({"names":["epoll_ctl"],"action":"SCMP_ACT_ERRNO","errnoRet":28}]})");
  write_file("several", R"(echo hello | "$1" -q run -i sh -c 'read x; echo got $x; exit 7' >"$2/out" 2>"$2/err"
echo $? $(cat "$2/out" "$2/err")
"$1" -q run -ti sh -c 'echo on a terminal; exit 8' >"$2/out" 2>/dev/null </dev/null
echo $? $(cat "$2/out")
"$1" -q run --timeout 100ms sleep 1000 >"$2/out" 2>"$2/err"
echo $? $(cat "$2/out" "$2/err")
)");
  const auto result = sup_run({"--privileged", "--security-opt", "seccomp=" + dir() + "/full.json", "sh",
                               dir() + "/several", sup_path(), dir()});
  BOOST_TEST(result.out == "7 got hello\n8 on a terminal\n137\n", result.out << result.err);
}

// root is not held by RLIMIT_NPROC
BOOST_AUTO_TEST_CASE(no_more_processes, *but::label("only_user")) {
  Start start;
  start.program = "/usr/bin/prlimit";
  start.args = {"--nproc=0", sup_path(), "run", "true"};
  start.env = {"ASAN_OPTIONS=detect_leaks=0"};  // its look for leaks needs a thread
  const auto result = run(start);
  BOOST_TEST(result.code == 125);
  BOOST_TEST(has(result.err, "sup: "), result.err);
}

BOOST_AUTO_TEST_CASE(no_more_descriptors) {
  for (const int limit : {3, 4, 5, 6, 8, 10, 12, 16, 18, 20, 22}) {
    Start start;
    start.program = "/bin/sh";
    start.args = {"-c", "ulimit -n " + std::to_string(limit) + "; exec \"$0\" --events none run -t \"$1\" exit 7",
                  sup_path(), probe_path()};
    const auto result = run(start);
    BOOST_TEST((result.code == 7 || result.code == 125 || result.code == 127),
               "with " << limit << " descriptors: " << result.code << " " << result.err);
    if (result.code == 125) BOOST_TEST(has(result.err, "sup: "), "with " << limit << ": " << result.err);
    // --preserve-fds is never begun ahead of main(): what is must not be what is wanting.
    start.args[1].replace(start.args[1].find(" -t "), 4, " -t --preserve-fds 0 ");
    const auto same = run(start);
    BOOST_TEST(same.code == result.code, "with " << limit << ": " << result.err << same.err);
    BOOST_TEST(same.err == result.err);
  }
}

// root needs none
BOOST_AUTO_TEST_CASE(user_namespaces_used_up, *but::label("only_user")) {
  // In a user namespace of its own the limit can be lowered without touching the host's; as the ordinary
  // user that is mapped there, sup needs one more and cannot have it.
  Start start;
  start.program = "/usr/bin/unshare";
  start.args = {"--user",      "--map-user=1000",
                "--keep-caps", "sh",
                "-c",          "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$0\" run true",
                sup_path()};
  const auto result = run(start);
  if (has(result.err, "unshare") || has(result.err, "Permission denied"))
    SUP_SKIP("the limit cannot be lowered here: " + result.err);
  BOOST_TEST(result.code == 125, result.err);
  BOOST_TEST(has(result.err, "user.max_user_namespaces"), result.err);
}

// What init cannot make is explained as what the clone cannot.
BOOST_AUTO_TEST_CASE(network_namespaces_used_up) {
  for (const std::string& root : {std::string(), std::string("--rootfs=/")}) {
    Start start;
    start.program = "/usr/bin/unshare";
    start.args = {"--user",  "--map-root-user",
                  "--mount", "sh",
                  "-c",      "echo 0 > /proc/sys/user/max_net_namespaces && exec \"$0\" run " + root + " /bin/true",
                  sup_path()};
    const auto result = run(start);
    if (has(result.err, "unshare:") || has(result.err, "Permission denied"))
      SUP_SKIP("the limit cannot be lowered here: " + result.err);
    BOOST_TEST(result.code == 125, result.err);
    BOOST_TEST(has(result.err, "user.max_net_namespaces is 0"), result.err);
    BOOST_TEST(has(result.err, "sysctl -w user.max_net_namespaces="), result.err);
  }
}

BOOST_AUTO_TEST_SUITE_END()
