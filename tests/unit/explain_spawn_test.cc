// explain_spawn: why a namespace, a mount or a process could not be made, from a /proc and a /sys of our own making.
#include <sched.h>
#include <sys/resource.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include "explain_checks.h"
#include "spec/program.h"
#include "sys/cgrouplayout.h"
#include "sys/explain.h"
#include "tempdir.h"

using namespace sup;
using namespace sup::test;
namespace fs = std::filesystem;

namespace {

// A /proc and a /sys of our own making.
class FakeKernel {
 public:
  FakeKernel() {
    fs::create_directories(dir_ / "proc/self/ns");
    fs::create_directories(dir_ / "sys");
    for (const char* ns : {"user", "pid", "mnt", "net", "uts", "ipc", "cgroup", "time"})
      put(std::string("proc/self/ns/") + ns, "");
    put("proc/self/mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:5 / /proc rw - proc proc rw\n");
    put("proc/self/status", "Name:\tsup\nCapEff:\t0000000000000000\nSeccomp:\t0\n");
    put("proc/self/cgroup", "");
    sysctl("user.max_user_namespaces", "1000");
  }
  void put(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(dir_ / name).parent_path());
    std::ofstream(dir_ / name) << text;
  }
  void sysctl(std::string name, const std::string& value) const {
    for (char& c : name) c = c == '.' ? '/' : c;
    put("proc/sys/" + name, value + "\n");
  }
  [[nodiscard]] KernelFiles files() const { return {dir_ / "proc", dir_ / "sys"}; }
  [[nodiscard]] const TempDir& dir() const { return dir_; }

 private:
  TempDir dir_;
};

Error spawn_error(const FakeKernel& kernel, const std::string& stage, int err, uid_t uid = 1000,
                  std::uint64_t flags = CLONE_NEWUSER | CLONE_NEWPID) {
  SpawnAttempt attempt;
  attempt.stage = stage;
  attempt.err = err;
  attempt.uid = uid;
  attempt.clone_flags = flags;
  if (stage == "mount") attempt.fstype = "proc", attempt.target = "/proc";
  Error error = explain_spawn(attempt, kernel.files());
  BOOST_TEST(error.status == 125);
  BOOST_TEST(error.stage == stage);
  BOOST_TEST_MESSAGE(error.line());
  return error;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(explain_spawning)

BOOST_AUTO_TEST_CASE(debian_switch) {
  FakeKernel kernel;
  kernel.sysctl("kernel.unprivileged_userns_clone", "0");
  const Error e = spawn_error(kernel, "clone", EPERM);
  check(e, "E_USERNS_DENIED", 125, {"EPERM", "kernel.unprivileged_userns_clone is 0"});
  BOOST_TEST(e.hint == "sysctl -w kernel.unprivileged_userns_clone=1");
}

BOOST_AUTO_TEST_CASE(no_user_namespaces_at_all) {
  FakeKernel kernel;
  kernel.sysctl("user.max_user_namespaces", "0");
  for (const int err : {EPERM, ENOSPC}) {
    const Error e = spawn_error(kernel, "clone", err);
    check(e, "E_USERNS_DENIED", 125, {"user.max_user_namespaces is 0"});
    BOOST_TEST(e.hint == "sysctl -w user.max_user_namespaces=28633");
  }
}

BOOST_AUTO_TEST_CASE(ubuntu_apparmor) {
  FakeKernel kernel;
  kernel.sysctl("kernel.apparmor_restrict_unprivileged_userns", "1");
  for (const char* stage : {"clone", "idmap", "mount"}) {
    check(spawn_error(kernel, stage, EACCES), "E_USERNS_DENIED", 125,
          {"sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"});
  }
}

BOOST_AUTO_TEST_CASE(chroot_and_filter_and_label) {
  FakeKernel kernel;
  kernel.put("proc/self/status", "Seccomp:\t2\nCapEff:\t0000000000000000\n");
  check(spawn_error(kernel, "clone", EPERM), "E_USERNS_DENIED", 125, {"seccomp filter", "seccomp=unconfined"});
  check(spawn_error(kernel, "clone", ENOSYS), "E_CLONE_UNSUPPORTED", 125, {"seccomp filter"});
  check(spawn_error(kernel, "clone", EPERM, 0, CLONE_NEWPID), "E_CLONE_PERM", 125,
        {"without CAP_SYS_ADMIN", "--cap-add SYS_ADMIN --cap-add NET_ADMIN"});
  check(spawn_error(kernel, "network", EPERM, 0, CLONE_NEWPID), "E_NETWORK", 125,
        {"CAP_NET_ADMIN", "--cap-add NET_ADMIN", "--network host"});
  kernel.put("proc/self/mountinfo", "2 1 0:5 / /proc rw - proc proc rw\n");
  check(spawn_error(kernel, "clone", EPERM), "E_USERNS_DENIED", 125, {"chroot"});
  FakeKernel other;
  other.put("proc/self/attr/current", "docker-default (enforce)\n");
  check(spawn_error(other, "clone", EPERM), "E_USERNS_DENIED", 125, {"confines sup to docker-default"});
  check(spawn_error(other, "mount", EACCES), "E_MOUNT_PROC", 125, {"docker-default", "apparmor=unconfined"});
}

BOOST_AUTO_TEST_CASE(a_root_that_is_no_mount_point) {
  FakeKernel kernel;
  SpawnAttempt attempt;
  attempt.stage = "mount";
  attempt.err = EINVAL;
  attempt.target = "/";
  check(explain_spawn(attempt, kernel.files()), "E_MOUNT", 125, {"chroot", "mount --bind"});
  attempt.target = "/mnt";
  BOOST_TEST(explain_spawn(attempt, kernel.files()).why.empty());
}

BOOST_AUTO_TEST_CASE(user_without_a_mapping) {
  FakeKernel kernel;
  kernel.put("proc/self/uid_map", "         0       1000          1\n");
  check(spawn_error(kernel, "clone", EPERM), "E_USERNS_DENIED", 125, {"forbidden here", "outside of the chroot"});
  kernel.put("proc/self/uid_map", "");
  check(spawn_error(kernel, "clone", EPERM), "E_USERNS_DENIED", 125, {"not mapped", "--map-current-user"});
}

BOOST_AUTO_TEST_CASE(limits_of_namespaces) {
  FakeKernel kernel;
  kernel.sysctl("user.max_pid_namespaces", "50");
  const Error e = spawn_error(kernel, "clone", ENOSPC);
  check(e, "E_CLONE_LIMIT", 125, {"user.max_pid_namespaces is 50", "32 deep", "sysctl -w user.max_pid_namespaces="});
  kernel.sysctl("user.max_pid_namespaces", "0");
  check(spawn_error(kernel, "clone", ENOSPC, 0, CLONE_NEWPID), "E_CLONE_LIMIT", 125, {"user.max_pid_namespaces is 0"});
  // Those that init makes are explained as those of the clone.
  kernel.sysctl("user.max_net_namespaces", "0");
  check(spawn_error(kernel, "namespace", ENOSPC, 0, CLONE_NEWNET), "E_CLONE_LIMIT", 125,
        {"user.max_net_namespaces is 0", "sysctl -w user.max_net_namespaces="});
}

BOOST_AUTO_TEST_CASE(pids_of_a_group) {
  FakeKernel kernel;
  const std::string mount = kernel.dir() / "cg";
  kernel.put("proc/self/mountinfo",
             "1 0 8:1 / / rw - ext4 /dev/sda rw\n3 1 0:9 / " + mount + " rw - cgroup2 cgroup2 rw\n");
  kernel.put("proc/self/cgroup", "0::/a/b\n");
  kernel.put("cg/a/b/pids.max", "max\n");
  kernel.put("cg/a/b/pids.current", "5\n");
  kernel.put("cg/a/pids.max", "5\n");
  kernel.put("cg/a/pids.current", "5\n");
  check(spawn_error(kernel, "clone", EAGAIN), "E_CLONE_PIDS", 125,
        {mount + "/a has 5 of at most 5 processes (pids.max)", "echo max > " + mount + "/a/pids.max"});
  // init's own, when it stays (--init).
  check(spawn_error(kernel, "fork", EAGAIN), "E_CLONE_PIDS", 125, {"has 5 of at most 5 processes (pids.max)"});
  // v1's controller likewise.
  FakeKernel v1;
  const std::string pids = v1.dir() / "cg/pids";
  v1.put("proc/self/mountinfo",
         "1 0 8:1 / / rw - ext4 /dev/sda rw\n3 1 0:9 / " + pids + " rw - cgroup cgroup rw,pids\n");
  v1.put("proc/self/cgroup", "4:pids:/x\n0::/\n");
  v1.put("cg/pids/x/pids.max", "7\n");
  v1.put("cg/pids/x/pids.current", "7\n");
  check(spawn_error(v1, "clone", EAGAIN), "E_CLONE_PIDS", 125, {pids + "/x has 7 of at most 7"});
}

BOOST_AUTO_TEST_CASE(pids_of_the_machine) {
  FakeKernel kernel;
  kernel.put("proc/loadavg", "0.00 0.01 0.05 1/32760 4242\n");
  kernel.sysctl("kernel.pid_max", "32768");
  kernel.sysctl("kernel.threads-max", "100000");
  check(spawn_error(kernel, "clone", EAGAIN), "E_CLONE_PIDS", 125,
        {"has 32760 tasks, and kernel.pid_max is 32768", "sysctl -w kernel.pid_max=65536"});
  kernel.put("proc/loadavg", "0.00 0.01 0.05 1/100 4242\n");
  check(spawn_error(kernel, "clone", EAGAIN), "E_CLONE_PIDS", 125, {"one of pids.max, RLIMIT_NPROC, kernel.pid_max"});
}

BOOST_AUTO_TEST_CASE(pids_of_the_user) {
  FakeKernel kernel;
  kernel.put("proc/10/status", "Uid:\t1000\t1000\t1000\t1000\nThreads:\t30\n");
  kernel.put("proc/11/status", "Uid:\t1000\t1000\t1000\t1000\nThreads:\t3\n");
  kernel.put("proc/12/status", "Uid:\t7\t7\t7\t7\nThreads:\t9\n");
  BOOST_TEST(tasks_of(kernel.files(), 1000).value_or(0) == 33U);
  rlimit before{};
  ::getrlimit(RLIMIT_NPROC, &before);
  const rlimit low{33, before.rlim_max};
  BOOST_REQUIRE(::setrlimit(RLIMIT_NPROC, &low) == 0);
  const Error e = spawn_error(kernel, "clone", EAGAIN);
  ::setrlimit(RLIMIT_NPROC, &before);
  check(e, "E_CLONE_PIDS", 125, {"uid 1000 has 33 tasks and may have 33 (RLIMIT_NPROC)"});
  // Root is not held to it.
  BOOST_REQUIRE(::setrlimit(RLIMIT_NPROC, &low) == 0);
  const Error root = spawn_error(kernel, "clone", EAGAIN, 0);
  ::setrlimit(RLIMIT_NPROC, &before);
  BOOST_TEST(has(root.why, "one of pids.max"));
}

BOOST_AUTO_TEST_CASE(covered_proc) {
  FakeKernel kernel;
  kernel.put(
      "proc/self/mountinfo",
      "1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:5 / /proc rw - proc proc rw\n3 2 0:6 / /proc/kcore rw - tmpfs tmpfs rw\n");
  check(spawn_error(kernel, "mount", EPERM), "E_MOUNT_PROC", 125,
        {"/proc/kcore", "systempaths=unconfined", "unmask=ALL"});
  kernel.put("proc/self/mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda rw\n");
  check(spawn_error(kernel, "mount", EPERM), "E_MOUNT_PROC", 125, {"no procfs is mounted"});
}

BOOST_AUTO_TEST_CASE(kernel_without_a_namespace) {
  FakeKernel kernel;
  fs::remove(kernel.dir() / "proc/self/ns/pid");
  check(spawn_error(kernel, "clone", EINVAL), "E_CLONE_UNSUPPORTED", 125, {"built without pid namespaces"});
}

BOOST_AUTO_TEST_CASE(files_and_memory_and_the_rest) {
  FakeKernel kernel;
  kernel.sysctl("fs.file-max", "1000");
  check(spawn_error(kernel, "clone", EMFILE), "E_FILES", 125, {"RLIMIT_NOFILE"});
  check(spawn_error(kernel, "clone", ENFILE), "E_FILES", 125, {"fs.file-max is 1000", "sysctl -w fs.file-max=2000"});
  check(spawn_error(kernel, "clone", ENOMEM), "E_CLONE_MEMORY", 125, {"memory"});
  check(spawn_error(kernel, "hostname", EPERM), "E_STEP", 125, {"hostname", "Operation not permitted"});
  kernel.sysctl("vm.memfd_noexec", "2");
  check(spawn_error(kernel, "exec", EACCES), "E_INIT_EXEC", 125,
        {"vm.memfd_noexec is 2", "sysctl -w vm.memfd_noexec=0"});
  kernel.sysctl("fs.mount-max", "100");
  check(spawn_error(kernel, "mount", ENOSPC), "E_MOUNT", 125, {"sysctl -w fs.mount-max=200"});
}

BOOST_AUTO_TEST_CASE(nothing_known_is_still_a_line) {
  TempDir empty;
  SpawnAttempt attempt;
  attempt.stage = "clone";
  attempt.clone_flags = CLONE_NEWUSER;
  attempt.uid = 1000;
  for (const int err : {EPERM, ENOSPC, EAGAIN, ENOMEM, EMFILE, ENFILE, ENOSYS, EINVAL, EIO}) {
    attempt.err = err;
    const Error e = explain_spawn(attempt, {empty / "proc", empty / "sys"});
    BOOST_TEST(e.status == 125);
    BOOST_TEST(e.code.starts_with("E_"));
    BOOST_TEST(has(e.line(), "cannot make namespaces (user)"));
  }
}

BOOST_AUTO_TEST_SUITE_END()
