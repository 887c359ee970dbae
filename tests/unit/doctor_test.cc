// doctor: each check against a system of our own making, and all of them on this one.
#include <dirent.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "sys/checkup.h"
#include "sys/toolversion.h"

using namespace sup;
namespace fs = std::filesystem;
using Status = Finding::Status;
using Mode = CgroupLayout::Mode;

namespace {

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

class FakeSystem {
 public:
  FakeSystem() {
    std::string name = "/tmp/sup-doctor-XXXXXX";
    BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
    put("proc/self/status", "Seccomp:\t0\nCapEff:\t000001ffffffffff\n");
    put("sys/empty", "");
  }
  FakeSystem(const FakeSystem&) = delete;
  FakeSystem& operator=(const FakeSystem&) = delete;
  ~FakeSystem() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  void put(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(path_ + "/" + name).parent_path());
    std::ofstream(path_ + "/" + name) << text;
  }
  void sysctl(std::string name, const std::string& value) const {
    std::ranges::replace(name, '.', '/');
    put("proc/sys/" + name, value + "\n");
  }
  [[nodiscard]] KernelFiles files() const { return {path_ + "/proc", path_ + "/sys"}; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

void check(const Finding& f, Status status, std::string_view seen, std::string_view fix) {
  BOOST_TEST((f.status == status), f.name << ": " << f.seen << " -> " << f.fix);
  BOOST_TEST(has(f.seen, seen), f.seen);
  BOOST_TEST(has(f.fix, fix), f.fix);
  BOOST_TEST(f.fix.empty() == (status == Status::ok), f.name << ": " << f.fix);
}

// What a process could leave behind.
std::vector<std::string> traces() {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const auto target = fs::read_symlink(entry.path(), gone).string();
    if (!has(target, "/proc/")) out.push_back("fd " + target);   // but for the directory being read
  }
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) out.push_back(line);
  std::ranges::sort(out);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(doctor)

BOOST_AUTO_TEST_CASE(kernel_of_this_machine) {
  const Finding f = check_kernel("6.1.0");
  BOOST_TEST((f.status != Status::fail));   // the tests need what sup needs
  BOOST_TEST(f.seen.starts_with("Linux 6.1.0"));
}

BOOST_AUTO_TEST_CASE(userns) {
  const FakeSystem none;
  check(check_userns_sysctls(none.files(), 1000), Status::fail, "does not exist", "CONFIG_USER_NS");
  const FakeSystem fine;
  fine.sysctl("user.max_user_namespaces", "5000");
  check(check_userns_sysctls(fine.files(), 1000), Status::ok, "5000", "");
  fine.sysctl("kernel.unprivileged_userns_clone", "1");
  check(check_userns_sysctls(fine.files(), 1000), Status::ok, "unprivileged_userns_clone is 1", "");
  fine.sysctl("kernel.unprivileged_userns_clone", "0");
  check(check_userns_sysctls(fine.files(), 1000), Status::fail, "is 0", "sysctl -w kernel.unprivileged_userns_clone=1");
  check(check_userns_sysctls(fine.files(), 0), Status::warn, "is 0", "sysctl -w kernel.unprivileged_userns_clone=1");
  const FakeSystem zero;
  zero.sysctl("user.max_user_namespaces", "0");
  check(check_userns_sysctls(zero.files(), 1000), Status::fail, "is 0", "sysctl -w user.max_user_namespaces=");
}

BOOST_AUTO_TEST_CASE(apparmor) {
  const FakeSystem system;
  check(check_apparmor(system.files(), 1000), Status::ok, "not enabled", "");
  system.put("sys/module/apparmor/parameters/enabled", "Y\n");
  check(check_apparmor(system.files(), 1000), Status::ok, "unconfined", "");
  system.sysctl("kernel.apparmor_restrict_unprivileged_userns", "1");
  check(check_apparmor(system.files(), 1000), Status::warn, "only for programs",
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0");
  check(check_apparmor(system.files(), 0), Status::ok, "only for programs", "");
  system.put("proc/self/attr/current", "sup (unconfined)\n");
  check(check_apparmor(system.files(), 1000), Status::ok, "confined to sup", "");
}

BOOST_AUTO_TEST_CASE(what_is_there_for_those_who_ask_for_it) {
  check(check_ranges(std::nullopt, true), Status::ok, "ids are set aside", "");
  check(check_ranges(std::nullopt, false), Status::warn, "newuidmap", "apt-get install uidmap");
  const Error missing{.code = "E_SUBID",
                      .where = "--userns auto",
                      .what = "/etc/subuid",
                      .err = 0,
                      .why = "has no line for bob, so there are no ids",
                      .hint = "as root: echo bob:100000:65536 >>/etc/subuid"};
  check(check_ranges(missing, true), Status::warn, "/etc/subuid has no line for bob",
        "echo bob:100000:65536 >>/etc/subuid");
  check(check_way_out(true), Status::ok, "there", "");
  check(check_way_out(false), Status::warn, "no -p", "apt-get install passt");
}

BOOST_AUTO_TEST_CASE(lsm_seccomp_yama_binfmt) {
  const FakeSystem system;
  check(check_lsm(system.files()), Status::ok, "not told", "");
  system.put("sys/kernel/security/lsm", "lockdown,capability,yama\n");
  check(check_lsm(system.files()), Status::ok, "lockdown,capability,yama", "");
  check(check_seccomp(system.files()), Status::ok, "no filter", "");
  system.put("proc/self/status", "Seccomp:\t2\n");
  check(check_seccomp(system.files()), Status::warn, "a filter stands", "seccomp=unconfined");
  check(check_yama(system.files()), Status::ok, "not there", "");
  system.sysctl("kernel.yama.ptrace_scope", "1");
  check(check_yama(system.files()), Status::ok, "is 1", "");
  system.sysctl("kernel.yama.ptrace_scope", "2");
  check(check_yama(system.files()), Status::warn, "is 2", "sysctl -w kernel.yama.ptrace_scope=1");
  check(check_binfmt(system.files()), Status::ok, "no handlers", "");
  system.sysctl("fs.binfmt_misc.qemu-aarch64", "enabled");
  system.sysctl("fs.binfmt_misc.status", "enabled");
  check(check_binfmt(system.files()), Status::ok, "1 handlers: qemu-aarch64", "");
}

BOOST_AUTO_TEST_CASE(cgroup_v2) {
  const FakeSystem system;
  system.put("proc/self/mountinfo",
             "1 0 8:1 / / rw - ext4 /dev/sda rw\n3 1 0:9 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  system.put("proc/self/cgroup", "0::/user.slice/me\n");
  system.put("root/sys/fs/cgroup/user.slice/me/cgroup.controllers", "memory pids\n");
  const CgroupLayout layout = cgroup_layout(system.files(), system / "root");
  BOOST_TEST((layout.mode == Mode::v2));
  BOOST_TEST(layout.v2_own == system / "root/sys/fs/cgroup/user.slice/me");
  BOOST_TEST(layout.v2_controllers.size() == 2U);
  check(check_cgroups(layout), Status::ok, "controllers memory pids", "");
  check(check_delegation(layout, 1000), Status::ok, "can be made", "");
  // Nothing is left of the trial.
  BOOST_TEST(std::distance(fs::directory_iterator(layout.v2_own), fs::directory_iterator()) == 1);
}

BOOST_AUTO_TEST_CASE(cgroup_of_a_container_shows_a_part) {
  const FakeSystem system;
  system.put("proc/self/mountinfo", "3 1 0:9 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n");
  system.put("proc/self/cgroup", "0::/docker/abc/sub\n");
  BOOST_TEST(cgroup_layout(system.files()).v2_own == "/sys/fs/cgroup/sub");
  // A neighbour is not in it, whatever it is called.
  system.put("proc/self/cgroup", "0::/docker/abcd/sub\n");
  BOOST_TEST(cgroup_layout(system.files()).v2_own.empty());
  system.put("proc/self/cgroup", "0::/../other\n");
  const CgroupLayout outside = cgroup_layout(system.files());
  BOOST_TEST(outside.v2_own.empty());
  check(check_delegation(outside, 0), Status::warn, "cannot be reached", "--cgroupns=host");
}

BOOST_AUTO_TEST_CASE(cgroup_v1_and_hybrid) {
  const FakeSystem system;
  const std::string v1 =
      "1 0 0:9 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n2 0 0:8 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n";
  system.put("proc/self/mountinfo", v1);
  system.put("proc/self/cgroup", "3:cpu,cpuacct:/a\n2:pids:/b\n1:name=systemd:/c\n");
  const CgroupLayout one = cgroup_layout(system.files());
  BOOST_TEST((one.mode == Mode::v1));
  BOOST_REQUIRE(one.v1_with("cpuacct") != nullptr);
  BOOST_TEST(one.v1_with("cpuacct")->own == "/sys/fs/cgroup/cpu,cpuacct/a");
  BOOST_TEST(one.v1_with("memory") == nullptr);
  check(check_cgroups(one), Status::ok, "v1, controllers cpu cpuacct pids", "");
  system.put("proc/self/mountinfo", v1 + "4 0 0:7 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  system.put("proc/self/cgroup", "3:cpu,cpuacct:/a\n2:pids:/b\n0::/\n");
  const CgroupLayout both = cgroup_layout(system.files());
  BOOST_TEST((both.mode == Mode::hybrid));
  BOOST_TEST(both.v2_own == "/sys/fs/cgroup/unified");
  check(check_cgroups(both), Status::ok, "hybrid", "");
  const FakeSystem none;
  check(check_cgroups(cgroup_layout(none.files())), Status::warn, "no control groups", "mount -t cgroup2");
}

BOOST_AUTO_TEST_CASE(nofile) {
  check(check_nofile(1024, 4096), Status::ok, "soft 1024, hard 4096", "");
  check(check_nofile(256, 4096), Status::warn, "soft 256", "ulimit -n 1024");
  check(check_nofile(20, 512), Status::fail, "soft 20", "ulimit -n 512");
  check(check_nofile(20, 20), Status::fail, "soft 20", "limits.conf");
  check(check_nofile(~0UL, ~0UL), Status::ok, "unlimited", "");
}

BOOST_AUTO_TEST_CASE(memfd_and_pty) {
  const FakeSystem system;
  check(check_memfd(system.files()), Status::ok, "does not exist", "");
  system.sysctl("vm.memfd_noexec", "2");
  check(check_memfd(system.files()), Status::fail, "is 2", "sysctl -w vm.memfd_noexec=1");
  system.sysctl("kernel.pty.max", "100");
  system.sysctl("kernel.pty.nr", "3");
  check(check_pty(system.files()), Status::ok, "3 of 100 in use", "");
  system.sysctl("kernel.pty.nr", "95");
  check(check_pty(system.files()), Status::warn, "95 of 100 in use", "sysctl -w kernel.pty.max=200");
}

BOOST_AUTO_TEST_CASE(init_file) {
  const FakeSystem system;
  const std::string path = system / "init";
  check(check_init_file(path, "1.2.3"), Status::fail, "cannot be looked at", "install");
  const auto script = [&](const std::string& body, mode_t mode) {
    system.put("init", "#!/bin/sh\n" + body + "\n");
    BOOST_REQUIRE(::chmod(path.c_str(), mode) == 0);
    return check_init_file(path, "1.2.3");
  };
  check(script("echo 'sup-init 1.2.3 (plan wire 1)'", 0755), Status::ok, "version 1.2.3", "");
  check(script("echo 'sup-init 1.2.4 (plan wire 1)'", 0755), Status::fail, "is of version 1.2.4, sup of 1.2.3",
        "install");
  check(script("echo 'sup-init 1.2.3'", 0777), Status::fail, "may be written by others", "chmod go-w");
  check(script("echo 'sup-init 1.2.3'", 0644), Status::fail, "is not executable", "chmod 755");
  check(script("exit 125", 0755), Status::fail, "does not say its version", "install");
  check(script("true", 0755), Status::fail, "says no version", "install");
  if (::geteuid() == 0) {
    (void)script("echo 'sup-init 1.2.3'", 0755);
    BOOST_REQUIRE(::chown(path.c_str(), 4711, 4711) == 0);
    check(check_init_file(path, "1.2.3"), Status::fail, "belongs to uid 4711", "chown root");
  }
}

BOOST_AUTO_TEST_CASE(a_tool_that_hangs_is_killed) {
  const FakeSystem system;
  // Once with its output open, once closed; "exec" so that the one process is all there is.
  for (const char* body : {"exec sleep 1000", "exec >&- 2>&-; exec sleep 1000"}) {
    system.put("init", std::string("#!/bin/sh\n") + body + "\n");
    ::chmod((system / "init").c_str(), 0755);
    const auto line = tool_version(system / "init", std::chrono::milliseconds(50));
    BOOST_REQUIRE(!line);
    BOOST_TEST(has(line.error().line(), "in time"));
    BOOST_TEST(::waitpid(-1, nullptr, WNOHANG) == -1);   // and no zombie
    BOOST_TEST(errno == ECHILD);
  }
  BOOST_TEST(version_word("sup-init 0.1.0 (plan wire 1)") == "0.1.0");
  BOOST_TEST(version_word("x").empty());
}

BOOST_AUTO_TEST_CASE(runtime_directory) {
  const FakeSystem system;
  check(check_runtime_dir("", "", 1000), Status::warn, "neither", "export XDG_RUNTIME_DIR=/run/user/1000");
  fs::create_directories(system / "run");
  check(check_runtime_dir("", system / "run", 1000), Status::ok, "will be made", "");
  fs::create_directories(system / "run/sup");
  check(check_runtime_dir("", system / "run", 1000), Status::ok, "can be written to", "");
  check(check_runtime_dir(system / "run", "", 1000), Status::ok, "can be written to", "");
  system.put("file", "");
  check(check_runtime_dir(system / "file", "", 1000), Status::warn, "is no directory", "rm ");
  check(check_runtime_dir(system / "no/such", "", 1000), Status::warn, "does not exist", "install -d");
}

BOOST_AUTO_TEST_CASE(the_whole_checkup_leaves_nothing_behind) {
  const auto before = traces();
  const auto findings = checkup("0");
  BOOST_TEST(traces() == before, boost::test_tools::per_element());
  BOOST_TEST(::waitpid(-1, nullptr, WNOHANG) == -1);
  BOOST_TEST(errno == ECHILD);
  std::vector<std::string> names;
  for (const Finding& f : findings) {
    names.push_back(f.name);
    BOOST_TEST(!f.seen.empty());
    BOOST_TEST(f.fix.empty() == (f.status == Status::ok), f.name << ": " << f.seen);
    // What sup's own tests run in must hold what sup needs; of the init there is another one for each build.
    if (f.name != "init") BOOST_TEST((f.status != Status::fail), f.name << ": " << f.seen);
  }
  for (const char* wanted : {"kernel",        "namespace.user",
                             "namespace.mnt", "namespace.pid",
                             "namespace.net", "namespace.uts",
                             "namespace.ipc", "proc",
                             "userns.sysctl", "apparmor",
                             "lsm",           "landlock",
                             "cgroup",        "cgroup.delegation",
                             "pty",           "nofile",
                             "init",          "memfd",
                             "yama",          "binfmt",
                             "userns.ranges", "pasta",
                             "runtime"}) {
    BOOST_TEST((std::ranges::count(names, wanted) == 1), wanted);
  }
}

BOOST_AUTO_TEST_SUITE_END()
