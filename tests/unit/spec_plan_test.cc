// Plans as text: what compile() makes of a command line, step by step; the order that the isolation rests on; and
// the bytes that init gets.
#include <sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "plan_cases.h"
#include "spec/capabilities.h"
#include "spec/mount.h"
#include "spec/plan.h"
#include "spec/plan_json.h"

using namespace sup;
using namespace sup::test;
using wire::Op;
using Strings = std::vector<std::string>;

namespace {

// A command line as a test: what it changes in the default, and the plan as text.
struct Golden {
  const char* name;
  std::function<void(Spec&, Facts&)> change;
  const char* text;
};

std::string print(const Plan& plan) {
  std::string out = "namespaces " + describe_namespaces(plan.clone_flags) + "\n";
  for (const Step& step : plan.steps) {
    std::string line = describe(step);
    // The dropped set has a test of its own and would drown the rest.
    if (step.op == Op::capbset_drop && step.n[0] == host_root_dropped()) line = "drop the host-root set";
    out += line + "\n";
  }
  return out;
}

std::string compiled(const std::function<void(Spec&, Facts&)>& change, Facts facts) {
  Spec spec;
  spec.argv = {"ls", "-l"};
  if (change) change(spec, facts);
  const auto plan = compile(spec, facts);
  return plan ? print(*plan) : "error " + plan.error().code + " " + plan.error().line() + "\n";
}

void compare(const Golden& golden, const Facts& facts) {
  const std::string got = compiled(golden.change, facts);
  BOOST_TEST(got == golden.text, golden.name << "\n--- got\n" << got << "--- expected\n" << golden.text);
}

const std::string kRootHead =
    "namespaces mnt,pid\n"
    "die with the supervisor (SIGKILL)\nset every signal to its default\n"
    "enter new namespaces: uts,ipc,net\n"
    "make / rec,slave\n"
    "unmount everything on /proc\n"
    "mount proc on /proc (nosuid,nodev,noexec)\n"
    "check that /proc is the only procfs\n";

}   // namespace

BOOST_AUTO_TEST_SUITE(spec_plan)

BOOST_AUTO_TEST_CASE(default_as_root_in_full) {
  compare({"sup run ls -l", nullptr,
           "namespaces mnt,pid\n"
           "die with the supervisor (SIGKILL)\nset every signal to its default\n"
           "enter new namespaces: uts,ipc,net\n"
           "make / rec,slave\n"
           "unmount everything on /proc\n"
           "mount proc on /proc (nosuid,nodev,noexec)\n"
           "check that /proc is the only procfs\n"
           "bring lo up\n"
           "start a session\n"
           "take a new session keyring\n"
           "set the host name to 0123456789ab\n"
           "drop the host-root set\n"
           "keep every capability that is not dropped, none ambient\n"
           "change to /job\n"
           "close descriptors from 4 up\n"
           "let signals in\n"
           "exec ls -l as /usr/bin/ls, else /bin/ls, with 4 variables\n"},
          root_facts());
}

BOOST_AUTO_TEST_CASE(default_as_an_ordinary_user_in_full) {
  compare({"sup run ls -l", nullptr,
           "namespaces user,mnt,pid\n"
           "die with the supervisor (SIGKILL)\nset every signal to its default\n"
           "make / rec,slave\n"
           "mount proc on /proc (nosuid,nodev,noexec)\n"
           "enter new namespaces: user,mnt,uts,ipc,net\n"
           "write deny to /proc/self/setgroups\n"
           "write '1000 0 1' to /proc/self/uid_map\n"
           "write '1001 0 1' to /proc/self/gid_map\n"
           "bring lo up\n"
           "start a session\n"
           "take a new session keyring\n"
           "set the host name to 0123456789ab\n"
           "drop the host-root set\n"
           "keep no capability\n"
           "change to /job\n"
           "close descriptors from 4 up\n"
           "let signals in\n"
           "exec ls -l as /usr/bin/ls, else /bin/ls, with 4 variables\n"},
          user_facts());
}

BOOST_AUTO_TEST_CASE(as_root) {
  // Each starts with kRootHead where the text says "…".
  const std::vector<Golden> goldens{
      {"-t", [](Spec& s, Facts&) { s.tty = true; },
       "…bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\n"
       "make descriptor 0 the controlling terminal\ndrop the host-root set\n"
       "keep every capability that is not dropped, none ambient\nchange to /job\nclose descriptors from 4 up\n"
       "let signals in\nexec ls -l as /usr/bin/ls, else /bin/ls, with 4 variables\n"},
      {"-ti", [](Spec& s, Facts&) { s.tty = s.interactive = true; },
       "…bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\n"
       "make descriptor 0 the controlling terminal\ndrop the host-root set\n"
       "keep every capability that is not dropped, none ambient\nchange to /job\nclose descriptors from 4 up\n"
       "let signals in\nexec ls -l as /usr/bin/ls, else /bin/ls, with 4 variables\n"},
      {"-i", [](Spec& s, Facts&) { s.interactive = true; },
       "…bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\ndrop the host-root set\n"
       "keep every capability that is not dropped, none ambient\nchange to /job\nclose descriptors from 4 up\n"
       "let signals in\nexec ls -l as /usr/bin/ls, else /bin/ls, with 4 variables\n"},
      {"--init", [](Spec& s, Facts&) { s.init = true; },
       "…bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\nstay as PID 1, go on in a child\nstart a session\n"
       "drop the host-root set\nkeep every capability that is not dropped, none ambient\nchange to /job\n"
       "close descriptors from 4 up\nlet signals in\n"
       "exec ls -l as /usr/bin/ls, else /bin/ls, with 4 variables\n"},
      {"--init -t -u bob", [](Spec& s, Facts&) { s.init = s.tty = true, s.user = "bob"; },
       "…bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\nstay as PID 1, go on in a child\nstart a session\n"
       "make descriptor 0 the controlling terminal\nchange to /job\ndrop the host-root set\n"
       "set the groups to 1001,4,44\nbecome uid 1000, gid 1001\n"
       "keep no capability\nclose descriptors from 4 up\n"
       "let signals in\nexec ls -l as /usr/bin/ls, else /bin/ls, with 4 variables\n"},
      {"-u bob", [](Spec& s, Facts&) { s.user = "bob"; },
       "…bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\nchange to /job\ndrop the host-root set\n"
       "set the groups to 1001,4,44\nbecome uid 1000, gid 1001\n"
       "keep no capability\ndie with the supervisor (SIGKILL)\n"
       "close descriptors from 4 up\nlet signals in\n"
       "exec ls -l as /usr/bin/ls, else /bin/ls, with 4 variables\n"},
      {"-u bob -w /home/bob", [](Spec& s, Facts&) { s.user = "bob", s.workdir = "/home/bob"; },
       "…bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\ndrop the host-root set\n"
       "set the groups to 1001,4,44\nbecome uid 1000, gid 1001\n"
       "keep no capability\ndie with the supervisor (SIGKILL)\nchange to /home/bob\n"
       "close descriptors from 4 up\nlet signals in\n"
       "exec ls -l as /usr/bin/ls, else /bin/ls, with 4 variables\n"},
      {"-u 1:2 -w /", [](Spec& s, Facts&) { s.user = "1:2", s.workdir = "/"; },
       "…bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\ndrop the host-root set\n"
       "set the groups to 2\nbecome uid 1, gid 2\n"
       "keep no capability\ndie with the supervisor (SIGKILL)\nchange to /\n"
       "close descriptors from 4 up\nlet signals in\n"
       "exec ls -l as /usr/bin/ls, else /bin/ls, with 4 variables\n"},
      {"-u 0 -w /", [](Spec& s, Facts&) { s.user = "0", s.workdir = "/"; },
       "…bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\ndrop the host-root set\n"
       "set the groups to 0\nbecome uid 0, gid 0\n"
       "keep every capability that is not dropped, none ambient\ndie with the supervisor (SIGKILL)\nchange to /\n"
       "close descriptors from 4 up\nlet signals in\n"
       "exec ls -l as /usr/bin/ls, else /bin/ls, with 4 variables\n"},
      {"-u bob --privileged -w /", [](Spec& s, Facts&) { s.user = "bob", s.workdir = "/", s.privileged = true; },
       "…bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\n"
       "set the groups to 1001,4,44\nbecome uid 1000, gid 1001\n"
       "keep no capability\ndie with the supervisor (SIGKILL)\nchange to /\n"
       "close descriptors from 4 up\nlet signals in\n"
       "exec ls -l as /usr/bin/ls, else /bin/ls, with 4 variables\n"},
      {"--privileged", [](Spec& s, Facts&) { s.privileged = true; },
       "…bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\n"
       "keep every capability, none ambient\nchange to /job\nclose descriptors from 4 up\n"
       "let signals in\nexec ls -l as /usr/bin/ls, else /bin/ls, with 4 variables\n"},
      {"-h box", [](Spec& s, Facts&) { s.hostname = "box"; },
       "…bring lo up\nstart a session\ntake a new session keyring\nset the host name to box\ndrop the host-root set\n"
       "keep every capability that is not dropped, none ambient\nchange to /job\nclose descriptors from 4 up\n"
       "let signals in\nexec ls -l as /usr/bin/ls, else /bin/ls, with 4 variables\n"},
      {"--name web (the host name stays the id)", [](Spec& s, Facts&) { s.name = "web"; },
       "…bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\ndrop the host-root set\n"
       "keep every capability that is not dropped, none ambient\nchange to /job\nclose descriptors from 4 up\n"
       "let signals in\nexec ls -l as /usr/bin/ls, else /bin/ls, with 4 variables\n"},
      {"-w sub/dir", [](Spec& s, Facts&) { s.workdir = "sub/dir"; },
       "…bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\ndrop the host-root set\n"
       "keep every capability that is not dropped, none ambient\nchange to /job/sub/dir\nclose descriptors from 4 up\n"
       "let signals in\nexec ls -l as /usr/bin/ls, else /bin/ls, with 4 variables\n"},
      {"--preserve-fds 2", [](Spec& s, Facts&) { s.preserve_fds = 2; },
       "…bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\ndrop the host-root set\n"
       "keep every capability that is not dropped, none ambient\nchange to /job\nclose descriptors from 6 up\n"
       "let signals in\nexec ls -l as /usr/bin/ls, else /bin/ls, with 4 variables\n"},
      {"a path", [](Spec& s, Facts&) { s.argv = {"/bin/ls"}; },
       "…bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\ndrop the host-root set\n"
       "keep every capability that is not dropped, none ambient\nchange to /job\nclose descriptors from 4 up\n"
       "let signals in\nexec /bin/ls as /bin/ls, with 4 variables\n"},
      {"-e PATH=/a:/b:/c", [](Spec& s, Facts&) { s.env = {{"PATH", "/a:/b:/c"}}; },
       "…bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\ndrop the host-root set\n"
       "keep every capability that is not dropped, none ambient\nchange to /job\nclose descriptors from 4 up\n"
       "let signals in\nexec ls -l as /a/ls, else … /c/ls (3 tries), with 4 "
       "variables\n"},
      {"-e PATH (the caller has none: the default)",
       [](Spec& s, Facts& f) { s.env = {{"PATH", {}}}, f.environ.clear(); },
       "…bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\ndrop the host-root set\n"
       "keep every capability that is not dropped, none ambient\nchange to /job\nclose descriptors from 4 up\n"
       "let signals in\n"
       "exec ls -l as /usr/local/sbin/ls, else … /bin/ls (6 tries), with 1 variable\n"},
      {"an empty PATH", [](Spec& s, Facts&) { s.env = {{"PATH", ""}}; },
       "…bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\ndrop the host-root set\n"
       "keep every capability that is not dropped, none ambient\nchange to /job\nclose descriptors from 4 up\n"
       "let signals in\nexec ls -l as ./ls, with 4 variables\n"},
      {"a PATH that is too long", [](Spec& s, Facts&) { s.env = {{"PATH", std::string(4096, 'x')}}; },
       "…bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\ndrop the host-root set\n"
       "keep every capability that is not dropped, none ambient\nchange to /job\nclose descriptors from 4 up\n"
       "let signals in\n"
       "exec ls -l as no file at all, with 4 variables; PATH entries left out as too long: 1\n"},
      {"--clear-env -t", [](Spec& s, Facts&) { s.clear_env = s.tty = true; },
       "…bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\n"
       "make descriptor 0 the controlling terminal\ndrop the host-root set\n"
       "keep every capability that is not dropped, none ambient\nchange to /job\nclose descriptors from 4 up\n"
       "let signals in\n"
       "exec ls -l as /usr/local/sbin/ls, else … /bin/ls (6 tries), with 3 variables\n"},
      {"hostile arguments", [](Spec& s, Facts&) { s.argv = {"/x", "", "a\nb", "\x1b\xFF"}; },
       "…bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\ndrop the host-root set\n"
       "keep every capability that is not dropped, none ambient\nchange to /job\nclose descriptors from 4 up\n"
       "let signals in\n"
       "exec /x '' \"$(printf 'a\\012b')\" \"$(printf '\\033\\377')\" as /x, with 4 variables\n"},
  };
  for (Golden golden : goldens) {
    const std::string text = kRootHead + std::string(golden.text).substr(std::strlen("…"));
    golden.text = text.c_str();
    compare(golden, root_facts());
  }
}

BOOST_AUTO_TEST_CASE(network_host_as_root) {
  compare(
      {"--network host", [](Spec& s, Facts&) { s.network = Network::host; },
       "namespaces mnt,pid\n"
       "die with the supervisor (SIGKILL)\nset every signal to its default\nenter new namespaces: uts,ipc\nmake / rec,slave\nunmount everything on /proc\n"
       "mount proc on /proc (nosuid,nodev,noexec)\ncheck that /proc is the only procfs\n"
       "start a session\ntake a new session keyring\nset the host name to 0123456789ab\ndrop the host-root set\n"
       "keep every capability that is not dropped, none ambient\nchange to /job\nclose descriptors from 4 up\n"
       "let signals in\nexec ls -l as /usr/bin/ls, else /bin/ls, with 4 variables\n"},
      root_facts());
}

// With a profile that confines, the kernel's files are covered on the host's root too: in the own procfs, before anything of the
// command's is set up.
BOOST_AUTO_TEST_CASE(a_profile_covers_the_kernels_files) {
  for (const Facts& facts : {root_facts(), user_facts()}) {
    for (const Profile profile : {Profile::seed, Profile::docker, Profile::strict}) {
      const auto plan = compiled([profile](Spec& s, Facts&) { s.profile = profile; }, facts);
      const auto covered = plan.find("/proc/sysrq-trigger");
      BOOST_TEST((covered != std::string::npos) == (profile != Profile::seed), plan);
      if (covered == std::string::npos) continue;
      BOOST_TEST(plan.find("mount proc on /proc") < covered, plan);
      // What covers them is attached before (Linux before 6.15 clones nothing else).
      const auto null = plan.find("on /dev/null inside");
      BOOST_TEST((null != std::string::npos && null < plan.find("mask ")), plan);
      // And no device node is of use outside of /dev, which is taken before.
      const auto dev = plan.find("take /dev and all below it");
      const auto nodev = plan.find(": nodev,recursive");
      BOOST_TEST((dev != std::string::npos && dev < nodev && nodev < covered) == (profile == Profile::strict), plan);
      BOOST_TEST(plan.find("/proc/kcore") > covered, plan);
      BOOST_TEST(plan.find("start a session") > covered, plan);
    }
    const auto open = compiled([](Spec& s, Facts&) { s.profile = Profile::docker, s.privileged = true; }, facts);
    BOOST_TEST(open.find("/proc/sysrq-trigger") == std::string::npos, open);
  }
}

// Where init waits, the network namespace is there and lo is up; what the command may do is taken away behind it.
BOOST_AUTO_TEST_CASE(a_way_out_by_pasta) {
  const auto with_ports = [](Spec& s, Facts&) {
    s.network = Network::pasta;
    s.publish = {{"127.0.0.1", 8080, 80, false}, {"::1", 5353, 53, true}};
  };
  for (const Facts& facts : {root_facts(), user_facts()}) {
    const auto plan = compiled(with_ports, facts);
    BOOST_TEST(plan.find("bring lo up\n") < plan.find("wait for the network"), plan);
    const auto wait = plan.find("wait for the network: pasta -t 127.0.0.1/8080:80 -u ::1/5353:53 -T none -U none\n");
    BOOST_TEST_REQUIRE(wait != std::string::npos, plan);
    BOOST_TEST(plan.find("keep every capability") > wait, plan);
    BOOST_TEST(plan.find("net") < wait, plan);
  }
}

BOOST_AUTO_TEST_CASE(every_procfs_goes_the_deepest_first) {
  const std::string got = compiled(
      [](Spec&, Facts& f) {
        f.proc_mounts = {"/proc", "/srv/a/proc", "/proc/sys", "/srv/a/proc", "/x", "/proc", "/srv/a/b/c/proc"};
      },
      root_facts());
  BOOST_TEST(
      got.find("unmount everything on /srv/a/b/c/proc\nunmount everything on /srv/a/proc\n"
               "unmount everything on /proc/sys\nunmount everything on /x\nunmount everything on /proc\nmount proc") !=
          std::string::npos,
      got);
  // Also when the facts know of none.
  BOOST_TEST(compiled([](Spec&, Facts& f) { f.proc_mounts.clear(); }, root_facts()) == compiled(nullptr, root_facts()));
}

BOOST_AUTO_TEST_CASE(as_an_ordinary_user) {
  const std::string head =
      "namespaces user,mnt,pid\ndie with the supervisor (SIGKILL)\nset every signal to its default\nmake / rec,slave\n"
      "mount proc on /proc (nosuid,nodev,noexec)\n";
  const std::string kept = "keep every capability that is not dropped, none ambient\n";
  const std::string none = "keep no capability\n";
  const std::string tail =
      "change to /job\nclose descriptors from 4 up\n"
      "let signals in\nexec ls -l as /usr/bin/ls, else /bin/ls, with 4 variables\n";
  const auto maps = [](const std::string& uid, const std::string& gid) {
    return "write deny to /proc/self/setgroups\nwrite '" + uid + " 0 1' to /proc/self/uid_map\nwrite '" + gid +
           " 0 1' to /proc/self/gid_map\n";
  };
  const std::string all = "enter new namespaces: user,mnt,uts,ipc,net\n";
  const std::vector<std::pair<Golden, std::string>> goldens{
      {{"-u 0", [](Spec& s, Facts&) { s.user = "0"; }, ""},
       head + all + maps("0", "0") +
           "bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\ndrop the host-root set\n" +
           kept + tail},
      {{"-u bob (more groups than can be set)", [](Spec& s, Facts&) { s.user = "bob"; }, ""},
       head + all + maps("1000", "1001") +
           "bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\ndrop the host-root set\n" +
           none + tail},
      {{"-u 7:8 -t --init", [](Spec& s, Facts&) { s.user = "7:8", s.tty = s.init = true; }, ""},
       head + all + maps("7", "8") +
           "bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\nstay as PID 1, go on in a child\nstart a session\n"
           "make descriptor 0 the controlling terminal\ndrop the host-root set\n" +
           none + tail},
      {{"--network host", [](Spec& s, Facts&) { s.network = Network::host; }, ""},
       head + "enter new namespaces: user,mnt,uts,ipc\n" + maps("1000", "1001") +
           "start a session\ntake a new session keyring\nset the host name to 0123456789ab\ndrop the host-root set\n" +
           none + tail},
      {{"--privileged", [](Spec& s, Facts&) { s.privileged = true; }, ""},
       head + all + maps("1000", "1001") +
           "bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\n" + none +
           tail},
      {{"other procfs mounts (locked, so covered)", [](Spec&, Facts& f) { f.proc_mounts = {"/proc", "/srv/proc"}; },
        ""},
       head + "cover /srv/proc, another procfs, with nothing\n" + all + maps("1000", "1001") +
           "bring lo up\nstart a session\ntake a new session keyring\nset the host name to 0123456789ab\ndrop the host-root set\n" +
           none + tail},
  };
  for (const auto& [golden, text] : goldens) {
    Golden one = golden;
    one.text = text.c_str();
    compare(one, user_facts());
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_compiled) {
  const auto refused = [](const std::function<void(Spec&, Facts&)>& change) { return compiled(change, root_facts()); };
  BOOST_TEST(
      refused([](Spec& s, Facts&) { s.argv.clear(); }).starts_with("error E_USAGE run: Missing container command"));
  BOOST_TEST(refused([](Spec& s, Facts&) { s.argv = {""}; }).starts_with("error E_USAGE"));
  BOOST_TEST(
      refused([](Spec& s, Facts&) { s.user = "nosuch"; }).starts_with("error E_USER --user: nosuch: no such user"));
  BOOST_TEST(refused([](Spec& s, Facts&) {
               s.user = "bob:nosuch";
             }).starts_with("error E_USER --user: nosuch: no such group"));
  BOOST_TEST(refused([](Spec&, Facts& f) {
               f.cwd.clear();
             }).starts_with("error E_WORKDIR workdir: the current directory is gone"));
  BOOST_TEST(refused([](Spec& s, Facts& f) { f.cwd.clear(), s.workdir = "rel"; }).starts_with("error E_WORKDIR"));
  BOOST_TEST(refused([](Spec& s, Facts& f) { f.cwd.clear(), s.workdir = "/"; }).starts_with("namespaces "));
}

BOOST_AUTO_TEST_CASE(the_exec_step_carries_everything) {
  Spec spec;
  spec.argv = {"ls", "", "\xFF"};
  spec.env = {{"A", "b"}};
  const Plan plan = compile(spec, root_facts()).value();
  const Step& exec = plan.steps.back();
  BOOST_REQUIRE(exec.lists.size() == 3U);
  BOOST_TEST(exec.lists[0] == (Strings{"/usr/bin/ls", "/bin/ls"}));
  BOOST_TEST(exec.lists[1] == (Strings{"ls", "", "\xFF"}));
  BOOST_TEST(exec.lists[2] == (Strings{"PATH=/usr/bin:/bin", "HOME=/root", "TERM=vt100", "A=b", "container=sup"}));
  spec.user = "bob";
  BOOST_TEST(compile(spec, root_facts()).value().steps.back().lists[2][1] == "HOME=/home/bob");
}

BOOST_AUTO_TEST_CASE(the_order_holds_in_every_plan) {
  each_spec([](const Spec& spec, const Facts& facts, const Plan& plan) {
    const auto before = [&plan](Op first, Op second) {
      const auto a = last_place(plan, first);
      const auto b = place(plan, second);
      if (a && b) BOOST_REQUIRE_MESSAGE(*a < *b, op_name(first) << " before " << op_name(second));
    };
    const bool root = facts.uid == 0;
    // Ends: the wish to die first, exec last, and right before it signals are let in.
    BOOST_REQUIRE(plan.steps.front().op == Op::pdeathsig);
    BOOST_REQUIRE(plan.steps.back().op == Op::exec);
    BOOST_REQUIRE(plan.steps[plan.steps.size() - 2].op == Op::unblock);
    BOOST_REQUIRE(plan.steps[1].op == Op::signals_default);
    BOOST_REQUIRE(plan.steps[plan.steps.size() - 3].op == Op::close_from);
    BOOST_REQUIRE(plan.steps[plan.steps.size() - 3].n[0] == static_cast<std::uint64_t>(plan.boot_fd() + 1));
    // The slave mount is the first mount call, then the own proc, then the look at it.
    const auto slave = place(plan, Op::mount);
    BOOST_REQUIRE((plan.steps[*slave].n[0] == (MS_REC | MS_SLAVE) && plan.steps[*slave].s[1] == "/"));
    BOOST_REQUIRE(!place(plan, Op::umount_stack) || *slave < *place(plan, Op::umount_stack));
    before(Op::umount_stack, Op::only_proc);
    before(Op::mount, Op::only_proc);
    // Root's before any mount, for /sys and /dev/mqueue are those of who mounts them; an ordinary user's, with which a second
    // mount namespace comes that locks them, after all of them.
    if (root) {
      before(Op::unshare, Op::mount);
      BOOST_REQUIRE(plan.steps[2].op == Op::unshare);
    } else {
      before(Op::mount, Op::unshare);
    }
    before(Op::cover, Op::unshare);
    before(Op::mount, Op::cover);
    before(Op::unshare, Op::write_file);
    before(Op::write_file, Op::hostname);
    BOOST_REQUIRE(place(plan, Op::only_proc).has_value() == root);
    BOOST_REQUIRE(place(plan, Op::umount_stack).has_value() == root);
    BOOST_REQUIRE(place(plan, Op::unshare).has_value());
    // The supervisor waits for the clone: what takes long to make is not made there.
    BOOST_REQUIRE((plan.clone_flags & (CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)) == 0U);
    BOOST_REQUIRE(plan.user_namespace == !root);
    // Session before terminal; what needs capabilities before they go; groups before ids.
    before(Op::hostname, Op::stay);
    // Who stays has a session of its own, and so has the command.
    if (const auto stay = place(plan, Op::stay)) {
      BOOST_REQUIRE(*place(plan, Op::setsid) < *stay);
      BOOST_REQUIRE(plan.steps[*stay + 1].op == Op::setsid);
    }
    BOOST_REQUIRE(std::ranges::count(plan.steps, Op::setsid, &Step::op) == (spec.init ? 2 : 1));
    before(Op::setsid, Op::ctty);
    before(Op::hostname, Op::capbset_drop);
    before(Op::link_up, Op::capbset_drop);
    before(Op::capbset_drop, Op::groups);
    before(Op::groups, Op::ids);
    before(Op::ids, Op::caps);
    BOOST_REQUIRE(place(plan, Op::setsid));
    BOOST_REQUIRE(place(plan, Op::caps));
    BOOST_REQUIRE(place(plan, Op::ctty).has_value() == spec.tty);
    BOOST_REQUIRE(place(plan, Op::stay).has_value() == spec.init);
    BOOST_REQUIRE(place(plan, Op::capbset_drop).has_value() == !spec.privileged);
    BOOST_REQUIRE(place(plan, Op::link_up).has_value() == (spec.network == Network::none));
    // Ids are changed by setuid only where the maps have not done it, and then the wish is renewed, by who has none.
    const bool ids = root && !spec.user.empty();
    BOOST_REQUIRE(place(plan, Op::ids).has_value() == ids);
    if (ids && !spec.init) {
      BOOST_REQUIRE(*last_place(plan, Op::pdeathsig) > *place(plan, Op::ids));
    } else {
      BOOST_REQUIRE(*last_place(plan, Op::pdeathsig) == 0U);
    }
    // A directory that was asked for is entered as the user, the caller's own as the caller; after every mount.
    before(Op::mount, Op::workdir);
    if (ids) BOOST_REQUIRE((*place(plan, Op::workdir) > *place(plan, Op::ids)) == !spec.workdir.empty());
    // The namespaces, wherever they are made.
    std::uint64_t all = plan.clone_flags;
    if (const auto at = place(plan, Op::unshare)) all |= plan.steps[*at].n[0];
    std::uint64_t wanted = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC;
    if (spec.network == Network::none) wanted |= CLONE_NEWNET;
    if (!root) wanted |= CLONE_NEWUSER;
    BOOST_REQUIRE(all == wanted);
  });
}

// A reader of the wire format that shares nothing with the writer but init/plan.h.
Plan decode(const std::vector<std::byte>& bytes) {
  const auto number = [&bytes]<typename T>(std::size_t at, T) {
    BOOST_REQUIRE(at + sizeof(T) <= bytes.size());
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
  };
  const auto text = [&bytes](std::size_t at) {
    std::string out;
    for (; bytes.at(at) != std::byte{0}; ++at) out += static_cast<char>(bytes[at]);
    return out;
  };
  const auto header = number(0, wire::Header{});
  BOOST_REQUIRE(header.magic == wire::kMagic);
  BOOST_REQUIRE(header.version == wire::kVersion);
  BOOST_REQUIRE(header.size == bytes.size());
  BOOST_REQUIRE(header.reserved == 0U);
  BOOST_REQUIRE(bytes.back() == std::byte{0});
  const std::size_t strings = sizeof(wire::Header) + header.count * sizeof(wire::Step);
  Plan plan;
  for (std::size_t i = 0; i < header.count; ++i) {
    const auto from = number(sizeof(wire::Header) + i * sizeof(wire::Step), wire::Step{});
    BOOST_REQUIRE(from.flags == 0U);
    BOOST_REQUIRE(from.reserved == 0U);
    Step to;
    to.op = static_cast<Op>(from.op);
    std::ranges::copy(from.n, to.n.begin());
    for (const std::uint32_t offset : from.s)
      BOOST_REQUIRE((offset == 0 || (offset >= strings && offset < bytes.size())));
    if (to.op == Op::exec) {
      for (std::size_t k = 0; k < 3; ++k) {
        BOOST_REQUIRE(from.s[k] % 8 == 0U);
        Strings list;
        for (std::size_t at = from.s[k];; at += 8) {
          const auto offset = number(at, std::uint64_t{});
          if (offset == 0) break;
          BOOST_REQUIRE((offset >= strings && offset < bytes.size()));
          list.push_back(text(offset));
        }
        to.lists.push_back(std::move(list));
      }
    } else if (to.op == Op::groups) {
      BOOST_REQUIRE(from.s[0] % 4 == 0U);
      for (std::size_t k = 0; k < from.n[0]; ++k) to.numbers.push_back(number(from.s[0] + 4 * k, std::uint32_t{}));
    } else {
      for (std::size_t k = 0; k < 4; ++k) {
        if (from.s[k] != 0) to.s[k] = text(from.s[k]);
      }
    }
    plan.steps.push_back(std::move(to));
  }
  return plan;
}

BOOST_AUTO_TEST_CASE(bytes_decode_to_the_same_steps) {
  each_spec([](const Spec&, const Facts&, const Plan& plan) {
    const auto bytes = encode(plan).value();
    BOOST_REQUIRE((decode(bytes).steps == plan.steps));
  });
  Spec spec;
  spec.argv = {"x", "", std::string(100'000, 'y'), "\xFF"};
  spec.env = {{"E", ""}, {"F", "1"}};
  const Plan plan = compile(spec, root_facts()).value();
  BOOST_TEST((decode(encode(plan).value()).steps == plan.steps));
  BOOST_TEST((decode(encode(Plan{}).value()).steps.empty()));
  Plan odd;  // no candidate, no group: lists and arrays that are empty
  odd.steps.resize(2);
  odd.steps[0].op = Op::groups;
  odd.steps[1].op = Op::exec;
  odd.steps[1].lists = {{}, {"a"}, {}};
  BOOST_TEST((decode(encode(odd).value()).steps == odd.steps));
}

// Whoever shares a pid namespace has no PID 1 of his own: init guards, and is outside of it.
BOOST_AUTO_TEST_CASE(a_pid_namespace_that_is_not_its_own) {
  Spec spec;
  spec.argv = {"true"};
  spec.pid = "host";
  const auto plan = compile(spec, root_facts()).value();
  BOOST_TEST(describe_namespaces(plan.clone_flags) == "mnt");
  BOOST_TEST(plan.guarded);
  std::vector<std::string> got;
  for (std::size_t i = 0; i < 9; ++i) got.push_back(describe(plan.steps[i]));
  const std::vector<std::string> want{"die with the supervisor (SIGKILL)",
                                      "set every signal to its default",
                                      "wait for the cgroup",
                                      "enter new namespaces: uts,ipc,net",
                                      "enter new namespaces: cgroup",
                                      "be whom orphans come to",
                                      "start a session",
                                      "stay as its guard, go on in a child",
                                      "make / rec,slave"};
  BOOST_TEST(got == want, boost::test_tools::per_element());
  BOOST_TEST(plan.steps[7].n[0] == static_cast<std::uint64_t>(plan.boot_fd() + 2));
  spec.pid = "/proc/7/ns/pid";
  spec.init = true;  // it is there anyway
  const auto other = compile(spec, root_facts()).value();
  BOOST_TEST(describe(other.steps[5]) == "enter the pid namespace /proc/7/ns/pid");
  BOOST_TEST(std::ranges::count(other.steps, Op::stay, &Step::op) == 1);
  Facts user = root_facts();
  user.uid = 1000;
  const auto refused = compile(spec, user);
  BOOST_REQUIRE(!refused.has_value());
  BOOST_TEST(refused.error().line() ==
             "--pid: a pid namespace that is not its own: an ordinary user has no powers over it; run sup as root, "
             "without --userns");
}

// What the strict profile closes by Landlock: after no_new_privs, before the filter, as far as this kernel's goes.
BOOST_AUTO_TEST_CASE(strict_is_bound_by_landlock) {
  Spec spec;
  spec.argv = {"true"};
  spec.profile = Profile::strict;
  Facts facts = root_facts();
  facts.top_directories = {"/etc", "/home"};
  facts.top_files = {"/swap file"};
  const auto words = [&] {
    const auto plan = compile(spec, facts).value();
    std::vector<std::string> out;
    bool inside = false;
    for (const Step& step : plan.steps) {
      const std::string line = describe(step);
      inside = inside || line.starts_with("gain no privileges");
      if (inside && line.starts_with("exec")) break;
      if (inside) out.push_back(line.starts_with("filter") ? "filter" : line);
    }
    return out;
  };
  const std::vector<std::string> none{"gain no privileges by exec any more", "filter"};
  BOOST_TEST(words() == none, boost::test_tools::per_element());
  facts.landlock = 1;  // nothing could be moved between directories
  BOOST_TEST(words() == none, boost::test_tools::per_element());
  facts.landlock = 2;
  BOOST_TEST(words().at(1) == "Landlock closes read,write,move,make-char,make-block");
  facts.landlock = 7;
  spec.mounts = {parse_device("/dev/fuse").value()};
  const std::string devices = "/dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty /dev/ptmx /dev/fuse";
  const std::vector<std::string> full{
      "gain no privileges by exec any more",
      "Landlock closes read,write,truncate,ioctl,move,make-char,make-block",
      "Landlock opens read,write,truncate,move below /etc /home",
      "Landlock opens read,write,truncate below '/swap file'",
      "Landlock opens read,write,truncate,ioctl,move below /dev/pts /dev/shm /dev/mqueue /dev/hugepages",
      "Landlock opens read,write,truncate,ioctl below " + devices,
      "be bound by Landlock",
      "filter"};
  BOOST_TEST(words() == full, boost::test_tools::per_element());
  spec.mounts.clear();
  spec.network = Network::host;
  spec.pid = "host";
  BOOST_TEST(words().at(1).ends_with(", and to those outside abstract sockets,signals"), words().at(1));
  spec.rootfs = facts.rootfs = "/srv/root";
  spec.pid.clear();
  const std::vector<std::string> rooted{
      "gain no privileges by exec any more",
      "Landlock closes move,make-char,make-block, and to those outside abstract sockets", "Landlock opens move below /",
      "be bound by Landlock", "filter"};
  BOOST_TEST(words() == rooted, boost::test_tools::per_element());
  spec.profile = Profile::docker;
  for (const std::string& line : words()) BOOST_TEST(line.find("Landlock") == std::string::npos, line);
}

BOOST_AUTO_TEST_CASE(what_is_too_big_is_refused) {
  Plan plan;
  plan.steps.resize(wire::kMaxSteps);
  BOOST_TEST(encode(plan).has_value());
  plan.steps.resize(wire::kMaxSteps + 1);
  BOOST_TEST(encode(plan).error().code == "E_PLAN_SIZE");
  Spec spec;
  spec.argv = {"x", std::string(wire::kMaxPlan, 'y')};
  const auto error = encode(compile(spec, root_facts()).value()).error();
  BOOST_TEST(error.code == "E_PLAN_SIZE");
  BOOST_TEST(error.status == 125);
}

BOOST_AUTO_TEST_CASE(every_op_has_words_a_code_and_a_stage) {
  for (std::uint16_t op = 1; op <= static_cast<std::uint16_t>(wire::kLastOp); ++op) {
    Step step;
    step.op = static_cast<Op>(op);
    if (op > static_cast<std::uint16_t>(Op::join) && op < static_cast<std::uint16_t>(Op::tree))
      continue;  // not given out
    BOOST_TEST(failure_code(step).starts_with("E_"));
    BOOST_TEST(failure_code(step) != "E_PLAN");
    BOOST_TEST(stage(step) != "plan");
    BOOST_TEST(describe(step) != "nothing");
    BOOST_TEST(op_name(step.op) != "unknown");
  }
  Step unknown;
  unknown.op = static_cast<Op>(999);
  BOOST_TEST(failure_code(unknown) == "E_PLAN");
  BOOST_TEST(describe(unknown) == "nothing");
}

BOOST_AUTO_TEST_CASE(hostile_names_stay_on_their_line) {
  Step step;
  step.op = Op::workdir;
  step.s[0] = "/a\nexec /bin/true\x1b[2J";
  const std::string line = describe(step);
  BOOST_TEST(line.find('\n') == std::string::npos);
  BOOST_TEST(line.find('\x1b') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_plan_as_json) {
  Spec spec;
  spec.argv = {"ls", "\xFF\n"};
  spec.user = "bob";
  const auto json = nlohmann::json::parse(plan_json(compile(spec, root_facts()).value()));
  BOOST_TEST((json["clone"] == nlohmann::json{"mnt", "pid"}));
  const auto& steps = json["steps"];
  BOOST_TEST(steps[2]["op"] == "unshare");
  BOOST_TEST((steps[2]["namespaces"] == nlohmann::json{"uts", "ipc", "net"}));
  BOOST_TEST(steps[4]["op"] == "umount_stack");
  BOOST_TEST(steps[4]["index"] == 4);
  BOOST_TEST(steps[4]["target"] == "/proc");
  BOOST_TEST(steps.back()["op"] == "exec");
  BOOST_TEST(steps.back()["stage"] == "exec");
  BOOST_TEST(steps.back()["argv"][1] == "\xEF\xBF\xBD\n");
  for (const auto& step : steps) {
    if (step["op"] == "groups") BOOST_TEST((step["gids"] == nlohmann::json{1001, 4, 44}));
    BOOST_TEST(step["text"].get<std::string>().size() > 0U);
  }
}

BOOST_AUTO_TEST_SUITE_END()
