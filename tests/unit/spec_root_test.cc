// What --rootfs, -v, --mount, --tmpfs and --device mean, and the plans that come of them.
#include <sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "spec/check.h"
#include "spec/mount.h"
#include "spec/plan.h"
#include "spec/plan_root_text.h"

using namespace sup;
using wire::Op;

namespace {

Facts facts(uid_t uid = 0) {
  Facts out;
  out.id = "0123456789ab";
  out.uid = uid;
  out.gid = uid;
  out.environ = {"PATH=/x", "SECRET=1"};
  out.cwd = "/job";
  out.proc_mounts = {"/proc", "/srv/root/proc"};
  out.rootfs = "/srv/root";
  out.passwd = "root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1001::/home/bob:/bin/sh\n";
  out.group = "root:x:0:\nvideo:x:44:bob\n";
  return out;
}

Spec rooted() {
  Spec spec;
  spec.argv = {"true"};
  spec.rootfs = "/srv/root";
  return spec;
}

std::string text(const Spec& spec, const Facts& from) {
  const auto plan = compile(spec, from);
  if (!plan) return "error " + plan.error().line();
  std::string out = "namespaces " + describe_namespaces(plan->clone_flags) + "\n";
  for (const Step& step : plan->steps) {
    if (step.op != Op::capbset_drop) out += describe(step) + "\n";
  }
  return out;
}

std::size_t at(const std::vector<Step>& steps, Op op) {
  const auto found = std::ranges::find(steps, op, &Step::op);
  BOOST_REQUIRE(found != steps.end());
  return static_cast<std::size_t>(found - steps.begin());
}

constexpr const char* kDev =
    "make tmpfs as the new /dev (nosuid,nodev,strictatime,source=tmpfs,mode=755,size=64m)\n"
    "mount the new /dev on /dev inside, through no link\n"
    "in the new /dev: link fd to /proc/self/fd\n"
    "in the new /dev: link stdin to /proc/self/fd/0\n"
    "in the new /dev: link stdout to /proc/self/fd/1\n"
    "in the new /dev: link stderr to /proc/self/fd/2\n"
    "in the new /dev: link core to /proc/kcore\n"
    "in the new /dev: link ptmx to pts/ptmx\n";

}  // namespace

BOOST_AUTO_TEST_SUITE(spec_root)

BOOST_AUTO_TEST_CASE(a_root_in_full) {
  const std::string got = text(rooted(), facts());
  const std::string want =
      std::string(
          "namespaces mnt,pid\n"
          "die with the supervisor (SIGKILL)\nset every signal to its default\n"
          "enter new namespaces: uts,ipc,net\n"
          "enter new namespaces: cgroup\n"
          "make / rec,slave\n"
          "set the umask to 0000\n"
          "unmount everything on /srv/root/proc\n"
          "take /srv/root and all below it as the new root\n"
          "set on the new root: nodev,private,recursive\n"
          "put the new root over the old one\n"
          "make proc as it (nosuid,nodev,noexec,source=proc)\n"
          "mount it on /proc inside, through no link\n"
          "make sysfs as it (ro,nosuid,nodev,noexec,source=sysfs)\n"
          "mount it on /sys inside, through no link\n") +
      kDev +
      "make devpts as it (nosuid,noexec,source=devpts,newinstance,ptmxmode=0666,mode=0620,gid=5)\n"
      "mount it on /dev/pts inside, through no link\n"
      "make mqueue as it (nosuid,nodev,noexec,source=mqueue)\n"
      "mount it on /dev/mqueue inside, through no link\n"
      "make tmpfs as it (nosuid,nodev,noexec,source=tmpfs,mode=1777,size=67108864)\n"
      "mount it on /dev/shm inside, through no link\n"
      "take /dev/null (the device 1:3) as the new /dev/null\n"
      "set on the new /dev/null: ro,nosuid,noexec,private\n"
      "mount the new /dev/null on /dev/null inside, through no link\n"
      "take /dev/zero (the device 1:5) as it\n"
      "set on it: ro,nosuid,noexec,private\n"
      "mount it on /dev/zero inside, through no link\n"
      "take /dev/full (the device 1:7) as it\n"
      "set on it: ro,nosuid,noexec,private\n"
      "mount it on /dev/full inside, through no link\n"
      "take /dev/random (the device 1:8) as it\n"
      "set on it: ro,nosuid,noexec,private\n"
      "mount it on /dev/random inside, through no link\n"
      "take /dev/urandom (the device 1:9) as it\n"
      "set on it: ro,nosuid,noexec,private\n"
      "mount it on /dev/urandom inside, through no link\n"
      "take /dev/tty (the device 5:0) as it\n"
      "set on it: ro,nosuid,noexec,private\n"
      "mount it on /dev/tty inside, through no link\n"
      "pivot to the new root, let go of the old one\n"
      "open /dev/null anew where 0, 1 or 2 is the host's\n"
      "check that /proc is the only procfs\n"
      "make read-only: /proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger\n"
      "mask /proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats /proc/sched_debug /proc/scsi "
      "/proc/timer_list /proc/timer_stats /sys/devices/virtual/powercap /sys/firmware\n"
      "let go of what the mounts were held by\n"
      "set the umask to 0022\n"
      "bring lo up\n"
      "set the host name to 0123456789ab\n";
  BOOST_TEST(got.substr(0, want.size()) == want, "--- got\n" << got);
}

// Its own control group, where it has one, and v2 alone is there; without one it would see the supervisor's others.
BOOST_AUTO_TEST_CASE(its_group_is_there_to_be_read) {
  const std::string mounted =
      "mount it on /sys inside, through no link\n"
      "make cgroup2 as it (ro,nosuid,nodev,noexec,source=cgroup2)\n"
      "mount it on /sys/fs/cgroup inside, through no link\n";
  Facts from = facts();
  Spec spec = rooted();
  spec.limits.memory = 64 << 20;
  BOOST_TEST(!text(spec, from).contains("cgroup2"));
  from.cgroup2 = true;
  BOOST_TEST(text(spec, from).contains(mounted), text(spec, from));
  spec.privileged = true;
  BOOST_TEST(text(spec, from).contains("make cgroup2 as it (nosuid,nodev,noexec,source=cgroup2)\n"));
  BOOST_TEST(!text(rooted(), from).contains("cgroup2"));
  from = facts(1000);
  from.cgroup2 = true;
  spec.privileged = false;
  BOOST_TEST(text(spec, from).contains(mounted));
  spec.rootfs.clear();
  BOOST_TEST(!text(spec, from).contains("cgroup2"));
}

// shm_open(3) is a file: with another's IPC namespace goes the place where those are.
BOOST_AUTO_TEST_CASE(shared_memory_of_the_ipc_namespace) {
  const std::string placed =
      "set on the new /dev/shm: nosuid,nodev,noexec,private,recursive\n"
      "mount the new /dev/shm on /dev/shm inside, through no link\n";
  const std::string own = "mode=1777,size=67108864)\nmount it on /dev/shm inside";
  const std::string queues = "mount it on /dev/mqueue inside";
  Facts from = facts();
  from.shm = true;
  Spec spec = rooted();
  spec.ipc = "host";
  auto got = text(spec, from);
  BOOST_TEST(got.contains("take /dev/shm and all below it as the new /dev/shm\n"), got);
  BOOST_TEST(got.contains(placed), got);
  BOOST_TEST(got.contains(queues), got);
  BOOST_TEST(!got.contains(own), got);
  from.uid = 1000;
  got = text(spec, from);
  BOOST_TEST(got.contains(placed), got);
  BOOST_TEST(!got.contains(queues), got);  // no powers over the host's
  from = facts();
  BOOST_TEST(text(spec, from).contains(own));  // the host has none
  spec.ipc = "/proc/77/ns/ipc";
  got = text(spec, from);
  BOOST_TEST(got.contains("take /dev/shm of the mount namespace /proc/77/ns/mnt as the new /dev/shm\n"), got);
  BOOST_TEST(got.contains(placed), got);
  BOOST_TEST(got.find("of the mount namespace") < got.find("as the new root"), got);
  spec.ipc = "/run/ns/ipc";
  BOOST_TEST(text(spec, from).contains(own));
}

// The text of the plan does not show what is in a file.
std::string content(const Spec& spec, const Facts& from, const std::string& file) {
  const auto plan = compile(spec, from).value();
  for (const Step& step : plan.steps) {
    if (step.op == Op::file && step.s[0] == file) return step.s[1];
  }
  return "none";
}

BOOST_AUTO_TEST_CASE(a_root_knows_its_name) {
  Facts from = facts();
  from.hosts_file = from.hostname_file = true;
  from.hosts = "127.0.0.1 localhost\n192.0.2.7 db";
  from.nodename = "host";
  Spec spec = rooted();
  const std::string steps =
      "make tmpfs as the upper part (nosuid,nodev,noexec,source=tmpfs,mode=755,size=1m)\n"
      "in the upper part: file hosts, 171 bytes\n"
      "in the upper part: file hostname, 13 bytes\n"
      "put the upper part over the old /proc\n"
      "take hosts of the upper part as it\n"
      "mount it on /etc/hosts inside\n"
      "take hostname of the upper part as it\n"
      "mount it on /etc/hostname inside\n"
      "make proc as it (nosuid,nodev,noexec,source=proc)\n";
  const std::string got = text(spec, from);
  BOOST_TEST(got.find(steps) != std::string::npos, got);
  BOOST_TEST(content(spec, from, "hosts").starts_with("127.0.0.1\tlocalhost\n::1\tlocalhost "));
  BOOST_TEST(content(spec, from, "hosts").ends_with("\n127.0.0.1\t0123456789ab\n"));
  BOOST_TEST(content(spec, from, "hostname") == "0123456789ab\n");
  spec.hostname = "box.example";
  BOOST_TEST(content(spec, from, "hosts").ends_with("\n127.0.0.1\tbox.example box\n"));
  BOOST_TEST(content(spec, from, "hostname") == "box.example\n");
  // With the host's network its neighbours are the container's.
  spec.network = Network::host;
  BOOST_TEST(content(spec, from, "hosts") == "127.0.0.1 localhost\n192.0.2.7 db\n127.0.0.1\tbox.example box\n");
  // With another container's, what that one has, and its resolver.
  spec.network = Network::join;
  spec.netns = "/proc/9/ns/net";
  BOOST_TEST(content(spec, from, "hosts").starts_with("127.0.0.1\tlocalhost\n"));
  spec.netns_hosts = "192.0.2.8 eight";
  spec.netns_resolv = "nameserver 192.0.2.53\n";
  BOOST_TEST(content(spec, from, "hosts") == "192.0.2.8 eight\n127.0.0.1\tbox.example box\n");
  BOOST_TEST(content(spec, from, "resolv.conf") == "none");
  from.resolv_file = true;
  BOOST_TEST(content(spec, from, "resolv.conf") == "nameserver 192.0.2.53\n");
  spec.mounts = {parse_volume("/h:/etc/resolv.conf").value()};
  BOOST_TEST(content(spec, from, "resolv.conf") == "none");
  spec.mounts.clear();
  from.resolv_file = false;
  spec.network = Network::host;
  spec.hostname.clear();
  spec.uts = "host";
  BOOST_TEST(content(spec, from, "hosts") == "127.0.0.1 localhost\n192.0.2.7 db\n");
  BOOST_TEST(content(spec, from, "hostname") == "host\n");
  // Another's name is not ours to know.
  spec.uts = "/proc/9/ns/uts";
  BOOST_TEST(content(spec, from, "hostname") == "none");
  // What the user brings is left alone, and a root without a place too.
  spec = rooted();
  spec.mounts = {parse_volume("/h:/etc/hosts").value()};
  BOOST_TEST(content(spec, from, "hosts") == "none");
  BOOST_TEST(content(spec, from, "hostname") != "none");
  spec.mounts = {parse_volume("/h:/etc").value()};
  BOOST_TEST(text(spec, from).find("the old /proc") == std::string::npos);
  BOOST_TEST(content(rooted(), facts(), "hosts") == "none");
  spec = rooted();
  spec.read_only = true;
  BOOST_TEST(text(spec, from).find("take hosts of the upper part as it\nset on it: ro\n") != std::string::npos);
}

// The order is the security design: nothing of the host's root can be named once the new one is in place, and what the
// user brought is there before, so that the container's own lies over it.
BOOST_AUTO_TEST_CASE(nothing_of_the_host_after_pivot) {
  for (const uid_t uid : {0U, 1000U}) {
    Spec spec = rooted();
    spec.mounts = {parse_volume("/b/c:/x/y:ro").value(), parse_volume("/b:/x").value(),
                   parse_device("/dev/fuse").value(), parse_tmpfs("/run").value(), parse_volume("/w:/w:O").value()};
    spec.read_only = true;
    const auto plan = compile(spec, facts(uid));
    BOOST_REQUIRE(plan.has_value());
    const auto& steps = plan->steps;
    const std::size_t pivot = at(steps, Op::pivot);
    BOOST_TEST(at(steps, Op::mount) < at(steps, Op::tree));
    for (std::size_t i = pivot; i < steps.size(); ++i) {
      for (const Op op : {Op::tree, Op::filesystem, Op::attach, Op::make})
        BOOST_TEST((steps[i].op != op), "step " << i << " comes after pivot");
    }
    BOOST_TEST(pivot < at(steps, Op::only_proc));
    BOOST_TEST(at(steps, Op::only_proc) < at(steps, Op::mask));
    BOOST_TEST(at(steps, Op::mask) < at(steps, Op::let_go));
    BOOST_TEST(at(steps, Op::let_go) < at(steps, Op::capbset_drop));
    const auto target = [&](const char* path) {
      const auto found = std::ranges::find_if(
          steps, [&](const Step& s) { return s.op == Op::attach && s.n[1] != wire::kNoTree && s.s[0] == path; });
      BOOST_REQUIRE(found != steps.end());
      return found - steps.begin();
    };
    BOOST_TEST(target("/x") < target("/x/y"));
    // An overlay's upper layer is attached before it is one (Linux before 6.15): over what goes with the old root.
    const auto upper = std::ranges::find_if(
        steps, [](const Step& s) { return s.op == Op::attach && s.n[1] == wire::kNoTree && s.s[0] == "/proc"; });
    const auto layered =
        std::ranges::find_if(steps, [](const Step& s) { return s.op == Op::filesystem && s.s[0] == "overlay"; });
    BOOST_REQUIRE(layered != steps.end());
    BOOST_TEST((upper < layered));
    BOOST_TEST(target("/x/y") < target("/proc"));
    BOOST_TEST(target("/dev") < target("/dev/fuse"));
    // Every mount of the container's own is found without links; every one of the user's inside the root.
    for (const Step& step : steps) {
      if (step.op == Op::attach && lies_in(step.s[0], "/dev"))
        BOOST_TEST((step.n[2] & wire::AttachHow::no_links) != 0U, step.s[0]);
    }
  }
}

BOOST_AUTO_TEST_CASE(privileged_has_no_masks_and_a_writable_sys) {
  Spec spec = rooted();
  spec.privileged = true;
  const std::string got = text(spec, facts());
  BOOST_TEST(got.find("mask /") == std::string::npos);
  BOOST_TEST(got.find("make sysfs as it (nosuid,nodev,noexec,") != std::string::npos);
}

// docker's --privileged has every device, and nodes that are made work.
BOOST_AUTO_TEST_CASE(privileged_has_the_hosts_devices) {
  Spec spec = rooted();
  Facts from = facts();
  from.devices = {"/dev/kmsg", "/dev/snd"};
  spec.privileged = true;
  spec.mounts = {parse_volume("/a:/b").value(), parse_volume("/c:/d:nodev").value()};
  const std::string got = text(spec, from);
  const std::string kmsg =
      "take /dev/kmsg and all below it as it\nset on it: ro,nosuid,noexec,private,recursive\n"
      "mount it on /dev/kmsg inside, through no link\ntake /dev/snd and all below it as it\n";
  for (const std::string_view part :
       {std::string_view(kmsg),
        std::string_view("make tmpfs as the new /dev (nosuid,strictatime,source=tmpfs,mode=755,size=64m)\n"),
        std::string_view("set on the new root: private,recursive\n"),
        std::string_view("take /a and all below it as it\nset on it: private,recursive\n"),
        std::string_view("take /c and all below it as it\nset on it: nodev,private,recursive\n")})
    BOOST_TEST(got.contains(part), part << got);
  BOOST_TEST(got.find("mount the new /dev/null on") < got.find("mount it on /dev/kmsg"), got);
  // A user namespace's nodes are of no use, and are not let in.
  Facts user = facts(1000);
  user.devices = from.devices;
  const std::string users = text(spec, user);
  BOOST_TEST(users.contains("mount it on /dev/snd inside"), users);
  BOOST_TEST(users.contains("set on the new root: nodev,private,recursive\n"), users);
}

// A failure names the option that was typed, not the step.
BOOST_AUTO_TEST_CASE(whose_mount_a_step_makes) {
  Spec spec = rooted();
  spec.rootfs_overlay = true;
  spec.mounts = {parse_volume("/a:/b").value(), parse_mount("src=/c,dst=/d").value(), parse_tmpfs("/t").value(),
                 parse_volume("/e:/f:O").value(), parse_device("/dev/fuse").value()};
  Facts from = facts();
  from.hosts_file = from.hostname_file = true;
  const auto plan = compile(spec, from).value();
  std::vector<std::string> whose;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const Mount* const mount = mount_of(spec, plan, i);
    const std::string one = mount == nullptr ? "" : std::string(option_of(*mount)) + " " + mount->target;
    if (whose.empty() || whose.back() != one) whose.push_back(one);
  }
  const std::vector<std::string> want{"", "-v /b", "--mount /d", "--tmpfs /t", "-v /f", "", "--device /dev/fuse", ""};
  BOOST_TEST(whose == want, boost::test_tools::per_element());
  // From JSON nobody knows how it was said; then it is what says such a mount.
  Mount tmpfs = parse_mount("type=tmpfs,dst=/t").value();
  BOOST_TEST(option_of(tmpfs) == "--mount");
  tmpfs.said = {};
  BOOST_TEST(option_of(tmpfs) == "--tmpfs");
  RootFailure known{"there is no such place inside", "make it there, or add the option create", true};
  Step attach;
  attach.op = Op::attach;
  BOOST_TEST(mount_failure(tmpfs, attach, known) == "/t");
  BOOST_TEST(known.hint == "make it there, or write --mount type=tmpfs,dst=/t,create");
}

BOOST_AUTO_TEST_CASE(an_ordinary_user_and_a_name_of_ones_own) {
  Spec spec = rooted();
  const std::string as_root = text(spec, facts(1000));
  BOOST_TEST(
      as_root.starts_with(
          "namespaces user,mnt,pid\ndie with the supervisor (SIGKILL)\nset every signal to its default\nenter new namespaces: uts,ipc,net\n"),
      as_root);
  BOOST_TEST(as_root.find("enter new namespaces: user") == std::string::npos);
  BOOST_TEST(as_root.find("gid=5") == std::string::npos);
  spec.user = "bob";
  const std::string got = text(spec, facts(1000));
  BOOST_TEST(
      got.find("set the host name to 0123456789ab\nenter new namespaces: user,mnt\nwrite deny to /proc/self/setgroups\n"
               "write '1000 0 1' to /proc/self/uid_map\nwrite '1001 0 1' to /proc/self/gid_map\n") != std::string::npos,
      got);
  BOOST_TEST(text(spec, facts()).find("set the groups to 1001,44\nbecome uid 1000, gid 1001\n") != std::string::npos);
  spec.network = Network::host;
  BOOST_TEST(text(spec, facts(1000))
                 .find("take /sys and all below it as it\nset on it: ro,nosuid,nodev,noexec,private,recursive\n") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_overlay_is_written_to_a_tmpfs) {
  Spec spec = rooted();
  spec.rootfs_overlay = true;
  Facts from = facts(1000);
  from.rootfs = "/a:b\\c";
  const std::string got = text(spec, from);
  BOOST_TEST(
      got.find(
          "make overlay as the new root (source=overlay,lowerdir=/a\\:b\\\\c,upperdir=upper,workdir=work,userxattr)") !=
          std::string::npos,
      got);
  BOOST_TEST(text(spec, facts()).find("userxattr") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_environment_is_dockers) {
  Spec spec = rooted();
  spec.tty = true;
  const auto plan = compile(spec, facts()).value();
  const std::vector<std::string> want{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                      "HOSTNAME=0123456789ab", "HOME=/root", "TERM=xterm", "container=sup"};
  BOOST_TEST(plan.steps.back().lists.at(2) == want, boost::test_tools::per_element());
  BOOST_TEST(text(spec, facts()).find("change to /\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_tmpfs_is_as_what_it_covers) {
  Spec spec = rooted();
  spec.mounts = {parse_tmpfs("/run").value(), parse_tmpfs("/new").value(), parse_tmpfs("/root:mode=711,uid=4").value()};
  Facts from = facts();
  from.covered = {{"/run", 0755, 0, 0}, {"/root", 0700, 7, 8}};
  const std::string got = text(spec, from);
  for (const char* options :
       {"source=tmpfs,mode=755)", "source=tmpfs,mode=1777)", "source=tmpfs,mode=711,uid=4,gid=8)"})
    BOOST_TEST(got.find(options) != std::string::npos, options << " in\n" << got);
  from.uid = 1000;  // whose ids these are not
  BOOST_TEST(text(spec, from).find("source=tmpfs,mode=711,uid=4)") != std::string::npos);
  from.kcore = false;
  BOOST_TEST(text(spec, from).find("link core") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_terminal_of_its_own_devpts) {
  Spec spec = rooted();
  spec.tty = true;
  const std::string got = text(spec, facts());
  BOOST_TEST(
      got.find("make devpts as the new /dev/pts (nosuid,noexec,source=devpts,newinstance,ptmxmode=0666,mode=0620,"
               "gid=5)\nmount the new /dev/pts on /dev/pts inside, through no link\n") != std::string::npos,
      got);
  BOOST_TEST(got.find("take a terminal of the new /dev/pts for 0, 1 and 2 and as it, uid 0's; the supervisor gets its "
                      "other end\nset on it: nosuid,noexec,private\nmount it on /dev/console inside, through no "
                      "link\npivot ") != std::string::npos,
             got);
  // It is the controlling one of the command's session, and no other.
  BOOST_TEST(got.find("start a session\ntake a new session keyring\nmake descriptor 0 the controlling terminal\n") !=
             std::string::npos);
  BOOST_TEST(compile(spec, facts()).value().own_tty);
  Spec exec;
  exec.argv = {"sh"};
  exec.tty = true;
  Inside inside;
  inside.namespaces = CLONE_NEWNS | CLONE_NEWPID;
  const auto entering = compile_exec(spec, facts(), exec, inside).value();
  BOOST_TEST(entering.own_tty);
  const std::vector<std::string> words{
      "open /dev/pts", "take a terminal there for 0, 1 and 2, uid 0's; the supervisor gets its other end",
      "let go of what the mounts were held by", "start a session"};
  for (std::size_t i = 0; i < words.size(); ++i) BOOST_TEST(describe(entering.steps.at(5 + i)) == words[i]);
  spec.rootfs.clear();
  BOOST_TEST(!compile(spec, facts()).value().own_tty);
  BOOST_TEST(!compile_exec(spec, facts(), exec, inside).value().own_tty);
}

BOOST_AUTO_TEST_CASE(an_initramfs_cannot_pivot) {
  Facts from = facts();
  from.initramfs = true;
  BOOST_TEST(text(rooted(), from).find("chroot to the new root") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_volume_that_brings_a_procfs_was_asked_for) {
  Spec spec = rooted();
  spec.mounts = {parse_volume("/:/host").value()};
  BOOST_TEST(text(spec, facts()).find("only procfs") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(volumes_as_docker_writes_them) {
  const Mount v = parse_volume("./a:/b//c/./d/:ro,rslave,nosuid").value();
  BOOST_TEST(v.source == "./a");
  BOOST_TEST(v.target == "/b/c/d");
  BOOST_TEST(v.read_only);
  BOOST_TEST(v.nosuid);
  BOOST_TEST((v.propagation == Mount::Propagation::slave));
  const Mount m = parse_mount("type=bind,source=/a,target=/b,readonly,bind-propagation=rprivate").value();
  BOOST_TEST((m == parse_volume("/a:/b:ro").value()));
  const Mount t = parse_mount("type=tmpfs,dst=/t,tmpfs-size=64k,tmpfs-mode=1770").value();
  BOOST_TEST((t == parse_tmpfs("/t:size=64k,mode=1770").value()));
  BOOST_TEST(t.options.front() == "size=65536");
  BOOST_TEST((parse_device("/dev/a:/dev/b:rwm").value().target == "/dev/b"));
  BOOST_TEST((parse_device("/dev/a").value().target == "/dev/a"));
  for (const auto& mount : {v, m, t}) BOOST_TEST((parse_mount(to_string(mount)).value() == mount), to_string(mount));
}

BOOST_AUTO_TEST_CASE(what_is_no_mount) {
  for (const char* bad : {"", "/a", ":/b", "/a:", "/a:b", "/a:/", "/a:/b:xx", "/a:/b:rshared", "/a:/b:z", "/a:/b/../c",
                          "a:b:c:d", "/a:/b:O,ro"}) {
    BOOST_TEST(!parse_volume(bad).has_value(), bad);
  }
  for (const char* bad : {"", "type=volume,src=a,dst=/b", "src=/a", "dst=/b", "src=/a,dst=b", "src=/a,dst=/b,x",
                          "src=/a,dst=/b,ro=maybe", "\"src=/a,dst=/b", "\"src=/a\"x,dst=/b",
                          "type=tmpfs,dst=/t,tmpfs-size=x", "type=tmpfs,dst=/t,tmpfs-huge=always"}) {
    BOOST_TEST(!parse_mount(bad).has_value(), bad);
  }
  for (const char* bad : {"t", "/t:size=", "/t:mode=9", "/t:foo"}) BOOST_TEST(!parse_tmpfs(bad).has_value(), bad);
  for (const char* bad : {"", "/dev/a:/dev/b:x", "/dev/a:r"}) BOOST_TEST(!parse_device(bad).has_value(), bad);
}

BOOST_AUTO_TEST_CASE(what_is_the_containers_own_takes_no_volume) {
  for (const char* target : {"/proc", "/proc/sys", "/sys", "/sys/fs/cgroup", "/dev", "/dev/pts", "/dev/pts/0",
                             "/dev/null", "/dev/console", "/./proc"}) {
    Spec spec = rooted();
    spec.mounts = {parse_volume(std::string("/a:") + target).value()};
    BOOST_TEST(!check(spec).has_value(), target);
  }
  for (const char* target : {"/process", "/dev/shm", "/dev/log", "/system", "/devices"}) {
    Spec spec = rooted();
    spec.mounts = {parse_volume(std::string("/a:") + target).value()};
    BOOST_TEST(check(spec).has_value(), target);
  }
  Spec spec;
  spec.argv = {"true"};
  spec.read_only = true;
  BOOST_TEST(!check(spec).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
