// What the command may: capabilities, system calls, new privileges; each tried for real.
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/fd.h"
#include "clean.h"
#include "daemon.h"
#include "events.h"
#include "harness.h"

using namespace sup::test;
namespace but = boost::unit_test;

namespace {

unsigned long long mask(const std::string& out, const char* word) {
  return std::strtoull(value(out, word).c_str(), nullptr, 16);
}

// "NUMBER WORD" lines.
std::map<long, std::string> answers(const std::string& out) {
  std::map<long, std::string> all;
  for (const auto& line : lines(out)) {
    const auto at = line.find(' ');
    if (at != std::string::npos) all[std::strtol(line.c_str(), nullptr, 10)] = line.substr(at + 1);
  }
  return all;
}

std::map<long, std::string> try_calls(std::vector<std::string> options, const std::vector<long>& numbers) {
  options.insert(options.end(), {probe_path(), "syscalls"});
  for (const long n : numbers) options.push_back(std::to_string(n));
  const auto result = sup_run(options);
  BOOST_TEST(result.code == 0, result.err);
  return answers(result.out);
}

const std::string kEperm = std::to_string(EPERM);
const std::string kEnosys = std::to_string(ENOSYS);

// Closed to docker's capabilities, by number.
const std::set<long> kClosed{SYS__sysctl,
                             SYS_acct,
                             SYS_add_key,
                             SYS_afs_syscall,
                             SYS_bpf,
                             SYS_clock_settime,
                             SYS_create_module,
                             SYS_delete_module,
                             SYS_fanotify_init,
                             SYS_finit_module,
                             SYS_fsconfig,
                             SYS_fsmount,
                             SYS_fsopen,
                             SYS_fspick,
                             SYS_get_kernel_syms,
                             SYS_get_mempolicy,
                             SYS_getpmsg,
                             SYS_init_module,
                             SYS_io_uring_enter,
                             SYS_io_uring_register,
                             SYS_io_uring_setup,
                             SYS_ioperm,
                             SYS_iopl,
                             SYS_kcmp,
                             SYS_kexec_file_load,
                             SYS_kexec_load,
                             SYS_keyctl,
                             SYS_lookup_dcookie,
                             459,
                             460,
                             461,
                             SYS_mbind,
                             SYS_migrate_pages,
                             SYS_mount,
                             SYS_mount_setattr,
                             SYS_move_mount,
                             SYS_move_pages,
                             SYS_nfsservctl,
                             SYS_open_by_handle_at,
                             SYS_open_tree,
                             467,
                             SYS_perf_event_open,
                             SYS_pidfd_getfd,
                             SYS_pivot_root,
                             SYS_process_madvise,
                             SYS_putpmsg,
                             SYS_query_module,
                             SYS_quotactl,
                             SYS_quotactl_fd,
                             SYS_reboot,
                             SYS_request_key,
                             SYS_security,
                             SYS_set_mempolicy,
                             SYS_set_mempolicy_home_node,
                             SYS_setdomainname,
                             SYS_sethostname,
                             SYS_setns,
                             SYS_settimeofday,
                             SYS_swapoff,
                             SYS_swapon,
                             SYS_sysfs,
                             SYS_syslog,
                             SYS_tuxcall,
                             SYS_umount2,
                             SYS_unshare,
                             SYS_uselib,
                             SYS_userfaultfd,
                             SYS_ustat,
                             SYS_vhangup,
                             SYS_vserver,
                             468,
                             469};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(privileges, Clean, *but::label("both"))

BOOST_AUTO_TEST_CASE(capabilities_are_exactly_the_set) {  // A18
  struct Row {
    std::vector<std::string> options;
    unsigned long long bounding, held, ambient;   // held: permitted and effective
  };
  constexpr unsigned long long kDocker = 0xa80425fb;
  const unsigned long long root =
      as_user() ? 0 : ~0ULL;   // an ordinary user's command has nothing of what it is bounded by
  const std::vector<Row> rows{
      {{"--profile", "docker"}, kDocker, kDocker & root, 0},
      {{"--profile", "docker", "--init"}, kDocker, kDocker & root, 0},
      {{"--profile", "docker", "--cap-drop", "ALL"}, 0, 0, 0},
      {{"--profile", "docker", "--cap-drop=all", "--cap-add=net_raw"}, 1U << 13, 1U << 13, as_user() ? 1U << 13 : 0U},
      {{"--profile", "docker", "--cap-drop", "CAP_CHOWN", "-t"}, kDocker & ~1ULL, kDocker & ~1ULL & root, 0},
      {{"--profile", "strict"}, 0, 0, 0},
      {{"-u", "0", "--profile", "docker"}, kDocker, kDocker, 0},
      {{"-u", "7:7", "--profile", "docker"}, kDocker, 0, 0},
      {{"-u", "7:7", "--cap-drop", "ALL", "--cap-add", "KILL"}, 1U << 5, 1U << 5, 1U << 5},
      {{"-u", "7:7", "--profile", "docker", "--security-opt", "no-new-privileges", "--cap-add", "KILL"},
       kDocker,
       1U << 5,
       1U << 5},
  };
  for (const Row& row : rows) {
    auto args = row.options;
    std::string shown_options;
    for (const auto& option : args) shown_options += option + " ";
    args.insert(args.end(), {probe_path(), "caps"});
    const auto result = sup_run(args);
    BOOST_TEST_CONTEXT(shown_options << result.out << result.err) {
      BOOST_TEST(result.code == 0);
      BOOST_TEST(mask(result.out, "CapBnd:") == row.bounding);
      BOOST_TEST(mask(result.out, "CapPrm:") == row.held);
      BOOST_TEST(mask(result.out, "CapEff:") == row.held);
      BOOST_TEST(mask(result.out, "CapInh:") == row.ambient);
      BOOST_TEST(mask(result.out, "CapAmb:") == row.ambient);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_capability_that_the_caller_lacks_is_an_error) {
  if (as_user()) return;   // who has everything in his own user namespace
  const auto own = read_text("/proc/self/status");
  const auto bounding = std::strtoull(own.c_str() + own.find("CapBnd:") + 8, nullptr, 16);
  int missing = -1;
  for (int n = 0; n < 41; ++n) missing = missing < 0 && (bounding >> n & 1) == 0 ? n : missing;
  if (missing != 24) SUP_CANNOT("root has CAP_SYS_RESOURCE here");
  const auto result = sup_run({"--cap-add", "SYS_RESOURCE", "true"});
  BOOST_TEST(result.code == 125);
  BOOST_TEST(has(result.err, "--cap-add: CAP_SYS_RESOURCE: the caller does not have it"), result.err);
}

// Every number, also those that are none.
BOOST_AUTO_TEST_CASE(each_system_call_under_dockers_profile) {
  std::vector<long> closed(kClosed.begin(), kClosed.end());
  std::erase_if(closed, [](long n) { return n < 0; });
  const auto refused = try_calls({"--profile", "docker"}, closed);
  BOOST_TEST(refused.size() == closed.size());
  for (const auto& [number, answer] : refused) BOOST_TEST(answer == kEperm, "call " << number << ": " << answer);

  std::vector<long> none{SYS_clone3, 470, 471, 500, 511, 512, 513, 547, 1000, 65536};
#if defined(__x86_64__)
  for (const long n : {0, 1, 2, 9, 41, 56, 59, 101, 165, 272, 512, 520, 521, 547})
    none.push_back(n | 0x40000000);   // x32
#endif
  for (const auto& [number, answer] : try_calls({"--profile", "docker"}, none))
    BOOST_TEST(answer == kEnosys, "call " << number << ": " << answer);

  // The rest answer as they do without a filter.
  std::vector<long> open;
  for (long n = 0; n < 470; ++n) {
    // Those two have answers of their own: one is above, the other is asked for every namespace there is.
    if (!kClosed.contains(n) && n != SYS_clone3 && n != SYS_clone) open.push_back(n);
  }
  const auto with = try_calls({"--profile", "docker", "--cap-add", "SYS_NICE"}, open);
  const auto without =
      try_calls({"--profile", "docker", "--cap-add", "SYS_NICE", "--security-opt", "seccomp=unconfined"}, open);
  BOOST_TEST(with.size() == open.size());
  for (const auto& [number, answer] : without) {
    // How long that takes is the disks' affair.
    if (number == SYS_sync && (with.at(number) == "waits" || with.at(number) == "0")) continue;
    BOOST_TEST(with.at(number) == answer,
               "call " << number << ": " << with.at(number) << ", without filter " << answer);
  }
  BOOST_TEST(try_calls({"--profile", "docker"}, {SYS_clone}).at(SYS_clone) == kEperm);
}

BOOST_AUTO_TEST_CASE(doors_that_are_shut) {  // A23
  for (const char* profile : {"docker", "strict"}) {
    const auto nested = sup_run({"--profile", profile, probe_path(), "nested"});
    BOOST_TEST(value(nested.out, "unshare") == kEperm, profile << nested.out);
    BOOST_TEST(value(nested.out, "clone") == kEperm, profile << nested.out);
    for (const long family : {38, 40}) {
      const auto socket = sup_run(
          {"--profile", profile, probe_path(), "call", std::to_string(SYS_socket), std::to_string(family), "1", "0"});
      BOOST_TEST(value(socket.out, "call") == kEperm, profile << " family " << family << socket.out);
    }
    const auto persona =
        sup_run({"--profile", profile, probe_path(), "call", std::to_string(SYS_personality), "0x40000"});
    BOOST_TEST(value(persona.out, "call") == kEperm, persona.out);
    BOOST_TEST(value(sup_run({"--profile", profile, probe_path(), "int80"}).out, "int80") == "-38");
  }
  const auto unix = sup_run({"--profile", "strict", probe_path(), "call", std::to_string(SYS_socket), "1", "1", "0"});
  BOOST_TEST(value(unix.out, "call") == "0", unix.out);
  const auto ptrace = sup_run({"--profile", "strict", probe_path(), "call", std::to_string(SYS_ptrace), "0"});
  BOOST_TEST(value(ptrace.out, "call") == kEperm, ptrace.out);
  // And without a profile they are not, or the test shows nothing.
  const auto open = sup_run({"--security-opt", "seccomp=unconfined", probe_path(), "nested"});
  BOOST_TEST(value(open.out, "unshare") == "0", open.out);
}

// A call that only an init started ahead makes: without it there is a start from the beginning.
BOOST_AUTO_TEST_CASE(what_fails_ahead_alone_fails_nobody) {
  if (as_user()) return;
  write_file("deaf.json", R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[)"
                          R"({"names":["recvmsg"],"action":"SCMP_ACT_ERRNO","errnoRet":12}]})");
  const auto result = sup_run({"--privileged", "--security-opt", "seccomp=" + dir() + "/deaf.json", sup_path(), "-q",
                               "run", "sh", "-c", "exit 7"});
  BOOST_TEST(result.code == 7, result.err);
}

// Who kills, and for what, is told where the kernel tells it; else that it may have been so.
BOOST_AUTO_TEST_CASE(a_filter_that_kills_is_named) {
  write_file("kill.json", R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[)"
                          R"({"names":["setdomainname"],"action":"SCMP_ACT_KILL_PROCESS"},)"
                          R"({"names":["acct"],"action":"SCMP_ACT_TRAP"}]})");
  const std::string profile = "seccomp=" + dir() + "/kill.json";
  const auto call = [&](std::vector<std::string> options, long number) {
    options.insert(options.end(), {"--security-opt", profile, probe_path(), "call", std::to_string(number), "0", "0"});
    return sup_run(options);
  };
  // Whether the kernel tells is its own affair: it keeps to so many lines in a moment.
  const bool readable =
      ::access("/dev/kmsg", R_OK) == 0 && !as_user() && has(read_text("/proc/self/status"), "Seccomp:\t0");
  const auto logged = [&](const std::string& pid) {
    bool found = false;
    const sup::Fd log(readable ? ::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1);
    char record[8192];
    for (ssize_t n = 0; log && ((n = ::read(log.get(), record, sizeof record)) > 0 || errno == EPIPE);) {
      const std::string_view text(record, n > 0 ? static_cast<std::size_t>(n) : 0);
      found = found || (has(text, " pid=" + pid + " ") && has(text, " syscall=171 "));
    }
    return found;
  };
  for (const auto& options : std::vector<std::vector<std::string>>{{}, {"--init"}}) {
    const auto killed = call(options, SYS_setdomainname);
    BOOST_TEST(killed.code == 128 + SIGSYS, killed.err);
    const auto exited = Events(killed.events).last("exited");
    BOOST_TEST(exited.text("/signal") == "SIGSYS", killed.events);
    const auto known = exited.text("/syscall");
    // The one whom init has started is not known here.
    const auto pid = std::to_string(Events(killed.events).last("started").number("/pid"));
    if (options.empty() && logged(pid)) BOOST_TEST(known == "setdomainname", killed.events);
    if (!known.empty()) BOOST_TEST(known == "setdomainname");
    if (known.empty()) {
      BOOST_TEST(has(killed.events, "killed by SIGSYS, which its seccomp profile answers some system calls with"));
    } else {
      BOOST_TEST(exited.text("/killed_by") == "seccomp");
      BOOST_TEST(has(killed.events, "killed by SIGSYS, the seccomp profile's answer to setdomainname"), killed.events);
    }
  }
  // A trap is in no log.
  const auto trapped = call({}, SYS_acct);
  BOOST_TEST(trapped.code == 128 + SIGSYS, trapped.err);
  BOOST_TEST(!has(trapped.events, "killed_by"), trapped.events);
  const auto other = sup_run({"--init", "sh", "-c", "kill -SYS $$"});
  BOOST_TEST(has(other.events, "\"msg\":\"killed by SIGSYS\""), other.events);
}

// On the host's root uid 0 needs no capability to write to a disk: that is Landlock's to close.
BOOST_AUTO_TEST_CASE(strict_reaches_no_device_of_the_hosts) {
  const long version = ::syscall(444 /* landlock_create_ruleset */, nullptr, 0, 1);
  if (version < 2) SUP_CANNOT("this kernel has no Landlock");
  std::string device;
  for (const char* each : {"/dev/fuse", "/dev/net/tun", "/dev/kvm", "/dev/vda", "/dev/sda", "/dev/loop0", "/dev/vcs"}) {
    if (device.empty() && sup_run({"sh", "-c", ": <" + std::string(each)}).code == 0) device = each;
  }
  if (device.empty()) SUP_CANNOT("there is no device here that this user may open");
  const std::string open = "( : <" + device + " ) 2>/dev/null && echo OPEN || echo shut";
  BOOST_TEST(sup_run({"--profile", "docker", "sh", "-c", open}).out == "OPEN\n");
  BOOST_TEST(sup_run({"--profile", "strict", "sh", "-c", open}).out == "shut\n", device);
  BOOST_TEST(sup_run({"--profile", "strict", "--device", device, "sh", "-c", open}).out == "OPEN\n", device);
  // Nor where else there is a node of it: in a chroot's /dev, say.
  if (!as_user() && own_mounts()) {
    struct stat st{};
    BOOST_TEST_REQUIRE(::stat(device.c_str(), &st) == 0);
    const auto elsewhere = dir() + "/node";
    BOOST_TEST_REQUIRE(::mknod(elsewhere.c_str(), (st.st_mode & S_IFMT) | 0666, st.st_rdev) == 0);
    const std::string other = "( : <" + elsewhere + " ) 2>/dev/null && echo OPEN || echo shut";
    BOOST_TEST(sup_run({"--profile", "docker", "sh", "-c", other}).out == "OPEN\n");
    BOOST_TEST(sup_run({"--profile", "strict", "sh", "-c", other}).out == "shut\n", device);
    BOOST_TEST(
        sup_run({"--profile", "strict", "-v", dir() + ":/mnt", "sh", "-c", "( : </mnt/node ) 2>/dev/null || echo shut"})
            .out == "shut\n");
    Start start;
    start.program = "/usr/bin/unshare";
    start.events = false;
    start.args = {"-m",  "sh",        "-c",       "mount -t devtmpfs none \"$0\" && exec \"$@\"",
                  dir(), sup_path(),  "--events", "none",
                  "run", "--profile", "strict",   "-w",
                  "/",   "sh",        "-c",       "( : <" + dir() + device.substr(4) + " ) 2>/dev/null || echo shut"};
    BOOST_TEST(run(start).out == "shut\n");
  }
  // What a volume makes at the top is one of its neighbours.
  if (!as_user()) {
    write_file("one", "file\n");
    const std::string top = "/sup-test-" + std::to_string(::getpid());
    const auto made = sup_run(
        {"--profile", "strict", "-v", dir() + ":" + top + "/a:create", "-v", dir() + "/one:" + top + ".file:create",
         "sh", "-c", "cd " + top + "/a && mkdir d && cat one >d/two && mv d/two . && cat two " + top + ".file"});
    BOOST_TEST(made.out == "file\nfile\n", made.out << made.err);
    std::filesystem::remove_all(top);
    std::filesystem::remove(top + ".file");
  }
  const std::string script =
      "echo x >a && mkdir b && mv a b/c && cat b/c && : >/dev/null && head -c 1 /dev/zero | wc -c && "
      "stty size >/dev/null && echo tty >/dev/tty && echo y >/dev/shm/sup-$$ && rm /dev/shm/sup-$$";
  const auto usual = sup_run({"--profile", "strict", "-t", "sh", "-c", script});
  BOOST_TEST(usual.out == "x\n1\ntty\n", usual.out << usual.err);
  BOOST_TEST(usual.code == 0);
  DaemonProcess daemon;
  (void)daemon.detached({"--profile", "strict", "--name", "bound", "sleep", "1000"});
  for (const bool reloaded : {false, true}) {
    if (reloaded) BOOST_TEST(daemon.sup({"reload"}).code == 0);
    BOOST_TEST(daemon.sup({"exec", "bound", "sh", "-c", open}).out == "shut\n");
    BOOST_TEST(daemon.sup({"exec", "bound", "cat", "/proc/1/environ"}).code != 0);
  }
  if (as_user() || version < 6) return;
  const std::string outside = std::to_string(::getpid());
  const auto shared =
      sup_run({"--pid", "host", "--profile", "strict", "sh", "-c",
               "kill -0 " + outside + " 2>/dev/null && echo OPEN; sleep 100 & kill -TERM $! && echo own"});
  if (shared.code != 125) BOOST_TEST(shared.out == "own\n", shared.out << shared.err);
}

BOOST_AUTO_TEST_CASE(ordinary_programs_run_under_every_profile) {
  for (const char* profile : {"seed", "docker", "strict"}) {
    for (const char* mode : {"--init", "-t", "--sig-proxy"}) {
      const auto result = sup_run({"--profile", profile, mode, "sh", "-c",
                                   "ls / | wc -l >/dev/null; echo $(( 6 * 7 )); (sleep 0; echo sub) | cat; exit 7"});
      BOOST_TEST(result.code == 7, profile << mode << result.err);
      BOOST_TEST(has(result.out, "42"), result.out);
      BOOST_TEST(has(result.out, "sub"), result.out);
    }
  }
}

BOOST_AUTO_TEST_CASE(no_new_privileges_is_set_when_asked_for) {
  const auto nnp = [](std::vector<std::string> options) {
    options.insert(options.end(), {probe_path(), "caps"});
    return value(sup_run(options).out, "NoNewPrivs:");
  };
  BOOST_TEST(nnp({"--security-opt", "no-new-privileges"}) == "1");
  BOOST_TEST(nnp({"--security-opt", "no-new-privileges:true"}) == "1");
  BOOST_TEST(nnp({"--security-opt=no-new-privileges=false"}) == "0");
  BOOST_TEST(nnp({"--profile", "docker"}) == "0");
  BOOST_TEST(nnp({"--profile", "strict"}) == "1");
}

BOOST_AUTO_TEST_CASE(a_set_user_id_program_gains_nothing) {  // A21
  if (as_user()) return;   // one id, and nobody to become
  const auto program = dir() + "/setuid";
  write_file("setuid", read_text(probe_path()));
  BOOST_TEST_REQUIRE(::chmod(program.c_str(), 04755) == 0);
  const auto gained = sup_run({"-u", "7:7", program, "caps"});
  const auto kept = sup_run({"-u", "7:7", "--security-opt", "no-new-privileges", program, "caps"});
  BOOST_TEST(mask(kept.out, "CapEff:") == 0U, kept.out << kept.err);
  BOOST_TEST(mask(gained.out, "CapEff:") != 0U,
             "it gains without, or the test shows nothing: " << gained.out << gained.err);
}

BOOST_AUTO_TEST_CASE(the_callers_keys_are_not_there) {  // A20
  if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) < 0) SUP_CANNOT("no keys in this kernel");
  BOOST_TEST_REQUIRE(::syscall(SYS_add_key, "user", "sup-test", "hunter2", 7, KEY_SPEC_SESSION_KEYRING) > 0);
  Start outside;
  outside.program = probe_path();
  outside.args = {"key", "sup-test"};
  outside.events = false;
  BOOST_TEST(run(outside).out == "key hunter2\n", "outside it is there, or the test shows nothing");
  for (const char* option : {"--sig-proxy", "--init", "--privileged"}) {
    const auto result = sup_run({option, probe_path(), "key", "sup-test"});
    BOOST_TEST(result.out == "key none " + std::to_string(ENOKEY) + "\n", option << result.out);
  }
  ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
}

BOOST_AUTO_TEST_CASE(a_profile_from_a_file) {
  const auto path = write_file("profile.json", R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
    {"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":13},{"names":["sched_yield"],"action":"SCMP_ACT_KILL_PROCESS"}]})");
  for (const char* nnp : {"--security-opt=no-new-privileges", "--security-opt=no-new-privileges=false"}) {
    const auto mkdir =
        sup_run({nnp, "--security-opt", "seccomp=" + path, "sh", "-c", "mkdir new; rmdir /nosuch; true"});
    BOOST_TEST(mkdir.code == 0, mkdir.err);
    BOOST_TEST(has(mkdir.err, "ermission denied"), mkdir.err);
    const auto killed =
        sup_run({nnp, "--security-opt", "seccomp=" + path, probe_path(), "call", std::to_string(SYS_sched_yield)});
    BOOST_TEST(killed.code == 128 + 31, killed.out << killed.err);
    BOOST_TEST(Events(killed.events).first("exited").text("/signal") == "SIGSYS", killed.events);
  }
  const auto missing = sup_run({"--security-opt", "seccomp=/nosuch.json", "true"});
  BOOST_TEST(missing.code == 125);
  BOOST_TEST(has(missing.err, "/nosuch.json"), missing.err);
  const auto broken = sup_run({"--security-opt", "seccomp=" + write_file("broken.json", "{"), "true"});
  BOOST_TEST(broken.code == 125);
  BOOST_TEST(has(broken.err, "sup: seccomp profile: profile: is not JSON"), broken.err);
  // One that does not let the command start: the exec is refused, and it is said.
  const auto shut = sup_run(
      {"--security-opt",
       "seccomp=" +
           write_file(
               "shut.json",
               R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["execve"],"action":"SCMP_ACT_ERRNO"}]})"),
       "true"});
  BOOST_TEST(shut.code != 0, shut.err);
  BOOST_TEST(has(shut.err, "sup: "), shut.err);
  // Nor one that lets init say nothing, or not even end.
  for (const char* all :
       {R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[]})", R"({"defaultAction":"SCMP_ACT_KILL","syscalls":[]})"}) {
    const auto closed = sup_run({"--security-opt", "seccomp=" + write_file("closed.json", all), "true"});
    BOOST_TEST(closed.code == 125);
    BOOST_TEST(has(closed.err, "init: ended before the command ran: the seccomp profile forbids what a start takes"),
               closed.err);
  }
}

BOOST_AUTO_TEST_CASE(wrong_words) {
  const auto refused = [](std::vector<std::string> options) {
    options.emplace_back("true");
    const auto result = sup_run(options);
    BOOST_TEST(result.code == 125);
    return result.err;
  };
  BOOST_TEST(
      has(refused({"--cap-add", "NET_ADMN"}), "--cap-add NET_ADMN: no such capability; did you mean NET_ADMIN?"));
  BOOST_TEST(has(refused({"--profile", "dokcer"}), "no such profile"));
  BOOST_TEST(has(refused({"--security-opt", "apparmor=x"}), "--security-opt apparmor=x: no such option"));
  BOOST_TEST(has(refused({"--security-opt", "no-new-privileges=maybe"}), "not true or false"));
  BOOST_TEST(has(refused({"--profile", "strict", "--privileged"}), "cannot be used with --privileged"));
}

BOOST_AUTO_TEST_SUITE_END()
