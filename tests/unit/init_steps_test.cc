// init's interpreter against a recording fake of the kernel: each op makes exactly the calls it is
// documented with; each call of each op, made to fail, ends the plan with the right record.
#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "init_fake.h"

namespace sup::init::sys {
long raw(long nr, const long (&args)[6]) { return test::Fake::current->call(nr, args); }
long vfork_child(unsigned long flags, void*, void (*child)(void*), void* arg) {
  return test::Fake::current->vfork_child(flags, child, arg);
}
}  // namespace sup::init::sys

namespace {
using namespace sup;
using namespace sup::init;
using namespace sup::init::test;
using wire::Op;
using wire::Say;
using namespace std::string_literals;
using Strings = std::vector<std::string>;

const Strings kExec = {"send()", "execve(/bin/x, [x -l], [A=1])"};
// One step of every kind, how the world must be for it to succeed, and the calls it makes.
struct Kind {
  Op op;
  std::function<void(Block&)> add;
  Strings calls;
  std::function<void(Fake&)> world = [](Fake&) {};
  // Calls that may fail without the step failing, by name, with the reason in the table.
  Strings forgiven = {};
};

Strings all_signals() {
  Strings out;
  for (int s = 1; s <= 64; ++s) {
    if (s != 9 && s != 19) out.push_back("sigaction(" + std::to_string(s) + ", 0)");
  }
  return out;
}

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> table = {
      {Op::mount,
       [](Block& b) { b.add(Op::mount, {14}, {"proc", "/proc", "proc", "hidepid=2"}); },
       {"mount(proc, /proc, proc, 14, hidepid=2)"}},
      {Op::umount_stack,
       [](Block& b) { b.add(Op::umount_stack, {}, {"/proc"}); },
       {"umount2(/proc, 2)", "umount2(/proc, 2)", "umount2(/proc, 2)"},
       [](Fake& f) { f.stacked = 2; }},
      {Op::only_proc,
       [](Block& b) { b.add(Op::only_proc); },
       {"listmount()", "open(/proc/self/mountinfo, 524288)", "read(51)", "read(51)", "close(51)"},
       // close: a read-only descriptor, nothing is lost
       [](Fake& f) { f.file = once(kMountinfo); },
       {"close", "listmount"}},
      {Op::cover,
       [](Block& b) { b.add(Op::cover, {}, {"/srv/proc"}); },
       {"mount(none, /srv/proc, tmpfs, 15, size=4k,nr_inodes=2,mode=0)"}},
      {Op::hostname, [](Block& b) { b.add(Op::hostname, {}, {"box"}); }, {"sethostname(box)"}},
      {Op::link_up,
       [](Block& b) { b.add(Op::link_up, {}, {"lo"}); },
       {"socket(1, 524290)", "ioctl(50, 35091, lo 0)", "ioctl(50, 35092, lo 1)", "close(50)"},
       [](Fake&) {},
       {"close"}},
      {Op::unshare, [](Block& b) { b.add(Op::unshare, {0x02000000}); }, {"unshare(33554432)"}},
      {Op::write_file,
       [](Block& b) { b.add(Op::write_file, {}, {"/proc/self/oom_score_adj", "100"}); },
       {"open(/proc/self/oom_score_adj, 524289)", "write(51, 100)", "close(51)"},
       [](Fake&) {},
       {"close"}},
      {Op::rlimit, [](Block& b) { b.add(Op::rlimit, {7, 100, ~0ULL}); }, {"prlimit(0, 7, 100, 18446744073709551615)"}},
      {Op::capbset_drop,
       [](Block& b) { b.add(Op::capbset_drop, {1U << 16 | 1U << 17 | 1ULL << 63 | 1U << 22}); },
       // 17 is gone already, 63 is unknown to this kernel
       {"prctl(24, 16)", "prctl(24, 17)", "prctl(23, 17)", "prctl(24, 22)", "prctl(24, 63)"},
       [](Fake& f) { f.bounding = {{16, true}, {17, false}, {22, true}}; }},
      {Op::caps,
       [](Block& b) { b.add(Op::caps, {~0ULL, ~0ULL, 1ULL << 10 | 1ULL << 40}); },
       {"capget()", "capset()", "prctl(47, 4)", "prctl(47, 2)", "prctl(47, 2)"}},
      {Op::call, [](Block& b) { b.call(__NR_setpriority, {0, 0, 5}); }, {"setpriority(0, 0, 5)"}},
      {Op::seccomp, [](Block& b) { b.seccomp(3); }, {"seccomp(1, 0, 3)"}},
      {Op::enter,
       [](Block& b) { b.add(Op::enter, {0x40000000}, {"/run/netns/a"}); },
       {"open(/run/netns/a, 524288)", "setns(51, 1073741824)", "close(51)"},
       [](Fake&) {},
       {"close"}},
      {Op::keyring, [](Block& b) { b.add(Op::keyring); }, {"keyctl(1)"}},
      {Op::groups, [](Block& b) { b.groups({4, 4294967294U}); }, {"setgroups(4 4294967294)"}},
      {Op::ids,
       [](Block& b) { b.add(Op::ids, {1000, 2000}); },
       {"setresgid(2000, 2000, 2000)", "setresuid(1000, 1000, 1000)"}},
      {Op::umask, [](Block& b) { b.add(Op::umask, {022}); }, {"umask(18)"}, [](Fake&) {}, {"umask"}},  // cannot fail
      {Op::workdir, [](Block& b) { b.add(Op::workdir, {}, {"/srv"}); }, {"chdir(/srv)", "getcwd()"}},
      {Op::setsid, [](Block& b) { b.add(Op::setsid); }, {"setsid()"}},
      {Op::ctty, [](Block& b) { b.add(Op::ctty, {0}); }, {"ioctl(0, 21518)"}},
      {Op::pdeathsig, [](Block& b) { b.add(Op::pdeathsig, {9}); }, {"prctl(1, 9)", "poll()"}},
      {Op::close_from,
       [](Block& b) { b.add(Op::close_from, {3}); },
       {"close_range(3, 6)", "close_range(8, 4294967295)"}},
      {Op::signals_default, [](Block& b) { b.add(Op::signals_default); }, all_signals()},
      {Op::signals_default, [](Block& b) { b.add(Op::signals_default, {~0ULL ^ 1ULL << 12}); }, {"sigaction(13, 0)"}},
      {Op::unblock, [](Block& b) { b.add(Op::unblock); }, {"sigmask(2, 0)"}},
      {Op::wait, [](Block& b) { b.add(Op::wait, {2}); }, {"send()", "recv()"}, [](Fake& f) { f.heard = go_record(); }},
      {Op::tree,
       [](Block& b) { b.add(Op::tree, {1, wire::TreeHow::recursive, 1ULL << 32 | 3}, {"/dev/null"}); },
       {"open_tree(-100, /dev/null, 557057)", "statx(61)"},
       [](Fake& f) { f.devices[61] = {1, 3}; }},
      {Op::filesystem,
       [](Block& b) { b.listed(Op::filesystem, {1, 14, 1}, "tmpfs", {"size=4k", "noswap"}); },
       {"fsopen(tmpfs)", "fchdir(-1)", "fsconfig(62, 1, size, 4k)", "fsconfig(62, 0, noswap, NULL)",
        "fsconfig(62, 6, NULL, NULL)", "fsmount(62, 1)", "close(62)"},
       [](Fake&) {},
       {"close"}},
      {Op::attributes,
       [](Block& b) { b.add(Op::attributes, {1, 5ULL << 32 | 3, 1ULL << 32 | 0x40000}); },
       {"mount_setattr(-1, 36864, 3, 5, 262144)"}},
      {Op::attach,
       [](Block& b) { b.add(Op::attach, {1, 0, wire::AttachHow::no_links | wire::AttachHow::create}, {"/a//b"}); },
       {"statx(-1)", "openat2(-1, /, 22)", "openat2(-1, /a, 22)", "close(60)", "openat2(-1, /a//b, 22)",
        "mknodat(60, b, 33188)", "openat2(-1, /a//b, 22)", "close(60)", "close(60)", "openat2(-1, /a//b, 22)",
        "move_mount(-1, 60, )", "close(60)"},
       [](Fake& f) { f.absent = {"/a//b"}; },
       {"close"}},
      {Op::make, [](Block& b) { b.add(Op::make, {1, 0755}, {"pts"}); }, {"mkdirat(-1, pts, 493)"}},
      {Op::mask,
       [](Block& b) { b.listed(Op::mask, {0, 1, 1ULL << 32 | 3}, "", {"/proc/keys"}); },
       {"statx(-1)", "openat2(-1, /proc/keys, 22)", "statx(60)", "open_tree(-1, , 528385)", "move_mount(61, 60, )",
        "close(61)", "close(60)"},
       [](Fake& f) { f.devices[-1] = {1, 3}; },
       {"close"}},
      {Op::readonly,
       [](Block& b) { b.listed(Op::readonly, {0}, "", {"/proc/sys"}); },
       {"openat2(-1, /proc/sys, 22)", "open_tree(60, , 528385)", "mount_setattr(61, 4096, 15, 0, 0)",
        "move_mount(61, 60, )", "close(61)", "close(60)"},
       [](Fake&) {},
       {"close"}},
      {Op::pivot,
       [](Block& b) { b.add(Op::pivot, {0}); },
       {"fchdir(-1)", "pivot_root(., .)", "umount2(., 2)", "chdir(/)"},
       [](Fake& f) { f.stacked = 1; }},
      {Op::renew,
       [](Block& b) { b.add(Op::renew, {1ULL << 32 | 3}, {"/dev/null"}); },
       {"statx(0)", "open(/dev/null, 524290)", "statx(51)", "dup3(51, 0)", "close(51)", "statx(1)", "statx(2)"},
       [](Fake& f) { f.devices = {{0, {1, 3}}, {51, {1, 3}}}; },
       {"close"}},
      {Op::tree,
       [](Block& b) { b.add(Op::tree, {1, wire::TreeHow::within | 2U << 8}, {"hosts"}); },
       {"openat2(-1, hosts, 18)", "open_tree(60, , 528385)", "close(60)"},
       [](Fake&) {},
       {"close"}},
      // There and back, and to the root that it had.
      {Op::tree,
       [](Block& b) { b.add(Op::tree, {1, wire::TreeHow::elsewhere}, {"/dev/shm", "/proc/7/ns/mnt"}); },
       {"open(/, 2621440)", "open(/proc/self/ns/mnt, 524288)", "open(/proc/7/ns/mnt, 524288)", "setns(51, 131072)",
        "openat2(-100, /dev/shm, 22)", "open_tree(60, , 528385)", "setns(51, 131072)", "fchdir(51)", "chroot(.)",
        "close(60)", "close(51)", "close(51)", "close(51)"},
       [](Fake&) {},
       {"close"}},
      {Op::file,
       [](Block& b) { b.add(Op::file, {1, 0644}, {"hosts", "::1 a\n"}); },
       {"open(hosts, 524481)", "write(51, ::1 a\n)", "close(51)"},
       [](Fake&) {},
       {"close"}},
      {Op::terminal,
       [](Block& b) { b.add(Op::terminal, {5, 1, 1000}); },
       // The master goes to the supervisor, and it has set the size when it says go.
       {"fstatfs(-1)", "open(ptmx, 524546)", "ioctl(51, 1074025521)", "ioctl(51, 21569)", "fchown(64, 1000)",
        "open_tree(64, , 528385)", "sendmsg(51)", "recv()", "dup3(64, 0)", "dup3(64, 1)", "dup3(64, 2)", "close(64)",
        "close(51)"},
       [](Fake& f) { f.heard = go_record(); },
       {"close"}},
      {Op::ruleset, [](Block& b) { b.add(Op::ruleset, {0, 6, 3}); }, {"ruleset(6, 0, 3, 24)"}},
      {Op::allow,
       [](Block& b) { b.listed(Op::allow, {0, 4}, "", {"/etc", "/usr"}); },
       {"open(/etc, 2621440)", "add_rule(-1, 1, 4 51)", "close(51)", "open(/usr, 2621440)", "add_rule(-1, 1, 4 51)",
        "close(51)"},
       [](Fake&) {},
       {"close"}},
      {Op::enforce, [](Block& b) { b.add(Op::enforce, {0}); }, {"restrict(-1, 0)"}},
      {Op::let_go, [](Block& b) { b.add(Op::let_go); }, {}},
      {Op::join,
       [](Block& b) { b.add(Op::join, {0x7e020000, 5, 1U << 16 | 1ULL << 38}); },
       // not dumpable before it can be seen, and less able before it has a child there
       {"prctl(4, 0)", "setns(5, 2114060288)", "close(5)", "fchdir(6)", "chroot(.)", "close(6)", "capget()", "capset()",
        "fork(32768)"},
       [](Fake&) {},
       {"close"}},
  };
  return table;
}

bool starts_with_any(const std::string& call, const Strings& names) {
  for (const auto& name : names) {
    if (call.starts_with(name)) return true;
  }
  return false;
}
}  // namespace

BOOST_AUTO_TEST_SUITE(init_steps)

BOOST_AUTO_TEST_CASE(every_op_makes_exactly_its_calls) {
  for (const Kind& kind : kinds()) {
    BOOST_TEST_CONTEXT("op " << static_cast<int>(kind.op)) {
      Block plan;
      kind.add(plan);
      Fake fake;
      kind.world(fake);
      BOOST_CHECK(fake.interpret(plan.exec().bytes()) == std::nullopt);
      Strings want = kind.calls;
      want.insert(want.end(), kExec.begin(), kExec.end());
      BOOST_TEST(fake.calls == want, boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(the_table_knows_every_op) {
  // stay has a suite of its own (init_pid1_test.cc), exec is in every plan.
  for (int op = 1; op <= static_cast<int>(wire::kLastOp); ++op) {
    if (op > static_cast<int>(Op::join) && op < static_cast<int>(Op::tree)) continue;  // not given out
    const bool elsewhere = op == static_cast<int>(Op::stay) || op == static_cast<int>(Op::exec);
    const auto count =
        std::count_if(kinds().begin(), kinds().end(), [&](const Kind& k) { return static_cast<int>(k.op) == op; });
    BOOST_TEST((count != 0) == !elsewhere, "op " << op);
  }
}

// A container may have put something else in the place of its /dev/pts.
BOOST_AUTO_TEST_CASE(a_terminal_is_of_a_devpts_alone) {
  Fake other;
  other.devpts = false;
  BOOST_CHECK(other.interpret(Block().add(Op::terminal, {5, wire::kNoTree, wire::kNobody}).exec().bytes()) == 125);
  BOOST_CHECK((other.said == std::vector<Said>{{Say::failed, 0, ENODEV, 0}}));
  Fake without;
  without.heard = go_record();
  BOOST_CHECK(without.interpret(Block().add(Op::terminal, {5, wire::kNoTree, wire::kNobody}).exec().bytes()) ==
              std::nullopt);
  for (const char* call : {"open_tree", "fchown"})
    BOOST_TEST(!std::ranges::any_of(without.calls, [&](const std::string& c) { return c.starts_with(call); }));
}

BOOST_AUTO_TEST_CASE(a_ruleset_is_closed_when_it_binds_and_opens_nothing_that_is_not_there) {
  Fake fake;
  fake.answers["open"] = {-ENOENT, -ENOTDIR, 0};
  BOOST_CHECK(fake.interpret(Block()
                                 .add(Op::ruleset, {2, 6, 0})
                                 .listed(Op::allow, {2, 4}, "", {"/none", "/shut", "/etc"})
                                 .add(Op::enforce, {2})
                                 .exec()
                                 .bytes()) == std::nullopt);
  const Strings want = {"ruleset(6, 0, 0, 24)",  "open(/none, 2621440)",
                        "open(/shut, 2621440)",  "open(/etc, 2621440)",
                        "add_rule(65, 1, 4 51)", "close(51)",
                        "restrict(65, 0)",       "close(65)"};
  BOOST_TEST(Strings(fake.calls.begin(), fake.calls.begin() + static_cast<long>(want.size())) == want,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(every_call_of_every_op_forced_to_fail) {
  int forced = 0;
  for (const Kind& kind : kinds()) {
    for (std::size_t i = 0; i < kind.calls.size(); ++i) {
      BOOST_TEST_CONTEXT("op " << static_cast<int>(kind.op) << ", call " << i << " " << kind.calls[i]) {
        Block plan;
        plan.add(Op::umask, {0});  // so that the failing step is not index 0
        kind.add(plan);
        Fake fake;
        kind.world(fake);
        fake.fail_at = 1 + i;
        const auto end = fake.interpret(plan.add(Op::setsid).exec().bytes());
        const auto sessions = std::count(fake.calls.begin(), fake.calls.end(), "setsid()");
        const bool later = sessions > (kind.op == Op::setsid ? 1 : 0);
        if (starts_with_any(kind.calls[i], kind.forgiven)) {
          BOOST_CHECK(end == std::nullopt);
          BOOST_TEST(later);
          continue;
        }
        ++forced;
        BOOST_REQUIRE(end.has_value());
        BOOST_TEST(*end == 125);
        BOOST_TEST(!later);
        BOOST_REQUIRE(!fake.said.empty());
        BOOST_CHECK((fake.said.back() == Said{Say::failed, 1, EIO, 0}));
        BOOST_TEST(fake.calls.back() == "exit(125)");
        // What the step had opened it closes; nothing else happens between the failure and the word of it.
        for (std::size_t k = 2 + i; k + 2 < fake.calls.size(); ++k) BOOST_TEST(fake.calls[k].starts_with("close("));
      }
    }
  }
  BOOST_TEST(forced > 80);
}

BOOST_AUTO_TEST_CASE(join_gives_up_what_it_is_told_to_and_no_more) {
  Fake fake;
  fake.interpret(Block().add(Op::join, {0x20000, 5, 1U << 3 | 1ULL << 33}).exec().bytes());
  const std::vector<std::uint32_t> want = {0xfff7, 0xfff7, 0xffff, 0xfffd, 0xfffd, 0xffff};
  BOOST_TEST(fake.capset_to == want, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(who_joined_from_outside_says_who_went_in_and_is_gone) {
  Fake fake;
  fake.fork_answer = 4711;
  BOOST_CHECK(fake.interpret(Block().add(Op::umask, {0}).add(Op::join, {0x20000, 5}).add(Op::setsid).exec().bytes()) ==
              0);
  BOOST_CHECK((fake.said == std::vector<Said>{{Say::joined, 1, 0, 4711}}));
  BOOST_TEST(std::count(fake.calls.begin(), fake.calls.end(), "setsid()") == 0);
  BOOST_TEST(fake.calls.back() == "exit(0)");
}

BOOST_AUTO_TEST_CASE(mount_passes_absent_strings_as_null) {
  Fake fake;
  fake.interpret(Block().add(Op::mount, {0x84000}, {"", "/"}).exec().bytes());
  BOOST_TEST(fake.calls[0] == "mount(NULL, /, NULL, 540672, NULL)");
}

BOOST_AUTO_TEST_CASE(umount_stack_ends) {
  Fake gone;
  gone.answers["umount2"] = {-ENOENT};
  BOOST_CHECK(gone.interpret(Block().add(Op::umount_stack, {}, {"/proc"}).exec().bytes()) == std::nullopt);
  Fake endless;
  endless.stacked = 1'000'000;
  BOOST_CHECK(endless.interpret(Block().add(Op::umount_stack, {}, {"/proc"}).exec().bytes()) == 125);
  BOOST_CHECK((endless.said.back() == Said{Say::failed, 0, ELOOP, 0}));
  BOOST_TEST(endless.calls.size() < 2000U);
}

BOOST_AUTO_TEST_CASE(a_parked_init_goes_on_with_another_plan) {
  const auto go = [](std::uint16_t step, const std::vector<unsigned char>& plan) {
    const wire::Record record = {static_cast<std::uint16_t>(Say::go), step, 0, static_cast<std::uint32_t>(plan.size()),
                                 0};
    return std::string(reinterpret_cast<const char*>(&record), sizeof record) + std::string(plan.begin(), plan.end());
  };
  constexpr auto kPark = static_cast<std::uint64_t>(wire::WaitFor::park);
  const auto first = Block().add(Op::setsid).add(Op::wait, {kPark}).bytes();
  const auto second = Block().add(Op::setsid).add(Op::hostname, {}, {"box"}).exec().bytes();
  const auto parked = [&](const std::function<void(Fake&)>& change) {
    auto fake = std::make_unique<Fake>();
    fake->heard = go(1, second);
    change(*fake);
    fake->interpret(first);
    return fake;
  };
  for (const std::size_t piece : {std::size_t{1}, std::size_t{15}, std::size_t{16}}) {
    const auto fake = parked([&](Fake& f) { f.recv_at_most = piece; });
    Strings calls = fake->calls;
    std::erase(calls, "recv()");
    const Strings want = {"setsid()",
                          "close_range(0, 6)",
                          "close_range(8, 4294967295)",
                          "recvmsg()",
                          "send()",
                          "recvmsg()",
                          "sethostname(box)",
                          "send()",
                          "execve(/bin/x, [x -l], [A=1])"};
    BOOST_TEST(calls == want, boost::test_tools::per_element());
    BOOST_CHECK((fake->said == std::vector<Said>{{Say::parked, 1, 0, 0}, {Say::exec, 2, 0, 0}}));
  }
  // What is there already is taken without a word.
  const auto awaited = parked([](Fake& f) { f.late = false; });
  BOOST_CHECK((awaited->said == std::vector<Said>{{Say::exec, 2, 0, 0}}));
  BOOST_TEST(std::ranges::count(awaited->calls, "recvmsg()") == 1);
  // A failure is told in the numbers of the second plan.
  auto failing = parked([](Fake& f) { f.answers = {{"sethostname", {-EPERM}}}; });
  BOOST_CHECK((failing->said.back() == Said{Say::failed, 1, EPERM, 0}));
  // Who is not wanted any more, or whose supervisor has died, ends and says nothing.
  for (const auto& change : std::vector<std::function<void(Fake&)>>{
           [](Fake& f) { f.heard.clear(); }, [&](Fake& f) { f.heard.resize(7); }, [](Fake& f) { f.heard.pop_back(); },
           [](Fake& f) { f.answers = {{"recvmsg", {-EAGAIN, -ECONNRESET}}}; }}) {
    const auto fake = parked(change);
    BOOST_CHECK((fake->said == std::vector<Said>{{Say::parked, 1, 0, 0}}));
    BOOST_TEST(fake->calls.back() == "exit(125)");
  }
  // One that is larger than what init has ready for it.
  Block many;
  many.add(Op::setsid);
  for (int i = 0; i < 200; ++i) many.add(Op::umask, {18});
  const auto large = many.exec().bytes();
  const auto mapped = parked([&](Fake& f) { f.heard = go(1, large); });
  BOOST_TEST(std::ranges::count(mapped->calls, "mmap()") == 1);
  BOOST_TEST(std::ranges::count(mapped->calls, "umask(18)") == 200);
  BOOST_CHECK((mapped->said.back() == Said{Say::exec, 201, 0, 0}));
  // Nothing of what is malformed is carried out.
  auto damaged = second;
  damaged[0] ^= 1;
  const std::vector<std::pair<std::function<void(Fake&)>, int>> wrong = {
      {[&](Fake& f) { f.heard = go(0, second); }, EPROTO},
      {[&](Fake& f) { f.heard = go(3, second); }, EPROTO},
      {[](Fake& f) { f.heard[0] = static_cast<char>(Say::exec); }, EPROTO},
      {[](Fake& f) { f.given = {0, 1, 2, 8}; }, EPROTO},
      {[](Fake& f) { f.given = {}; }, EPROTO},
      {[](Fake& f) { f.given = {1, 0, 2}; }, EPROTO},
      {[](Fake& f) { f.message_flags = sys::kMsgCtrunc; }, EMFILE},
      {[&](Fake& f) { f.heard = go(1, {second.begin(), second.begin() + 8}); }, EBADMSG},
      {[&](Fake& f) { f.heard = go(1, damaged); }, EBADMSG},
      {[](Fake& f) { f.heard[11] = 0x7f; }, EBADMSG},   // larger than any plan
      {[&](Fake& f) { f.heard = go(1, large), f.answers = {{"mmap", {-ENOMEM}}}; }, ENOMEM},
      {[](Fake& f) { f.answers = {{"recv", {-EIO}}}; }, EIO},
      {[](Fake& f) { f.answers = {{"close_range", {-ENOMEM}}}; }, ENOMEM},
  };
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    const auto fake = parked(wrong[i].first);
    BOOST_CHECK((fake->said.back().say == Say::failed));
    BOOST_TEST(fake->said.back().err == wrong[i].second, "case " << i);
    BOOST_TEST(std::ranges::count(fake->calls, "sethostname(box)") == 0, "case " << i);
  }
  // It is the last step, and nothing stands behind it.
  Fake behind;
  BOOST_CHECK(behind.interpret(Block().add(Op::wait, {kPark}).exec().bytes()) == 125);
  BOOST_CHECK((behind.said.back() == Said{Say::failed, 0, EBADMSG, 0}));
}

BOOST_AUTO_TEST_CASE(only_proc_asks_by_number_where_the_kernel_answers) {
  constexpr std::uint64_t kProc = sys::kProcMagic;
  constexpr std::uint64_t kExt4 = 0xef53;
  const auto verdict = [](std::vector<std::pair<std::uint64_t, std::string>> mounts) {
    Fake fake;
    fake.mounts = std::move(mounts);
    fake.file = once("22 27 0:21 / /nowhere rw - proc proc rw\n");  // would be EEXIST, and is not to be read
    const auto end = fake.interpret(Block().add(Op::only_proc).exec().bytes());
    for (const auto& call : fake.calls) BOOST_TEST(!call.starts_with("open("), call);
    return end ? fake.said.back().err : 0;
  };
  BOOST_TEST(verdict({{kExt4, "/"}, {kProc, "/proc"}}) == 0);
  BOOST_TEST(verdict({{kExt4, "/proc"}, {kProc, "/proc"}, {kExt4, "/home"}}) == 0);
  BOOST_TEST(verdict({{kExt4, "/"}, {kProc, ""}, {kProc, "/proc"}}) == 0);  // gone while we look
  BOOST_TEST(verdict({{kExt4, "/"}}) == EEXIST);
  BOOST_TEST(verdict({{kExt4, "/"}, {kProc, "/proc2"}}) == EEXIST);
  BOOST_TEST(verdict({{kExt4, "/"}, {kProc, "/pro"}}) == EEXIST);
  BOOST_TEST(verdict({{kProc, "/proc"}, {kExt4, "/"}, {kProc, "/proc"}}) == EEXIST);
  BOOST_TEST(verdict({{kProc, "/srv/proc"}, {kProc, "/proc"}}) == EEXIST);
  // More than one list holds, and the second procfs in the last place.
  std::vector<std::pair<std::uint64_t, std::string>> many(300, {kExt4, "/m"});
  many.front() = {kProc, "/proc"};
  BOOST_TEST(verdict(many) == 0);
  many.back() = {kProc, "/m/proc"};
  BOOST_TEST(verdict(many) == EEXIST);

  // Whatever it does not answer, mountinfo does.
  for (const char* name : {"listmount", "statmount"}) {
    for (const long err : {-ENOSYS, -EPERM, -EINVAL, -ENOMEM}) {
      Fake fake;
      fake.mounts = {{kExt4, "/"}, {kProc, "/proc"}};
      fake.answers = {{name, {err}}};
      fake.file = once("22 27 0:21 / /nowhere rw - proc proc rw\n");
      BOOST_TEST((fake.interpret(Block().add(Op::only_proc).exec().bytes()) == 125), name << " " << err);
      BOOST_TEST(fake.said.back().err == EEXIST);
    }
  }
  Fake long_path;
  long_path.mounts = {{kProc, "/" + std::string(4000, 'x')}};
  long_path.file = once(kMountinfo);
  BOOST_CHECK(long_path.interpret(Block().add(Op::only_proc).exec().bytes()) == std::nullopt);
}

BOOST_AUTO_TEST_CASE(only_proc_judges_whole_lines_wherever_reads_end) {
  const std::string tail = "27 1 254:1 / / rw - ext4 /dev/vda1 rw\n";
  const auto verdict = [](const std::string& text, std::size_t chunk) {
    Fake fake;
    fake.file = once(text, chunk);
    const auto end = fake.interpret(Block().add(Op::only_proc).exec().bytes());
    if (!end) return 0;
    BOOST_REQUIRE(!fake.said.empty());
    return fake.said.back().err;
  };
  const std::vector<std::pair<std::string, int>> cases = {
      {kMountinfo, 0},
      {"22 27 0:21 / /proc rw - proc proc rw\n", 0},
      {"22 27 0:21 / /proc rw a:1 b:2 unbindable - proc none rw\n", 0},
      {tail, EEXIST},  // no procfs at all
      {"", EEXIST},
      {"22 27 0:21 / /mnt rw - proc proc rw\n", EEXIST},
      {"22 27 0:21 / /proc2 rw - proc proc rw\n", EEXIST},
      {"22 27 0:21 / /a/proc rw - proc proc rw\n", EEXIST},
      {"22 27 0:21 / /proc rw - xproc proc rw\n", EEXIST},
      {"22 27 0:21 / /proc rw shared-:1 - proc proc rw\n", 0},
      {"22 27 0:21 / /proc rw - proc proc rw\n23 27 0:22 / /proc\0\0x rw -\0 proc\0 p rw\n"s, 0},
      {"22 27 0:21 / /pro rw - proc proc rw\n", EEXIST},
      {"22 27 0:21 / /proc rw - procfs proc rw\n", EEXIST},
      {"22 27 0:21 / /proc rw - tmpfs proc rw\n", EEXIST},
      {"22 27 0:21 / /proc rw - proc proc rw\n23 22 0:22 / /proc rw - proc proc rw\n", EEXIST},  // one upon the other
      {"22 27 0:21 / /proc rw - proc proc rw\n23 27 0:22 / /a/proc rw shared:1 - proc x rw\n", EEXIST},
      {"23 27 0:22 / /proc/sys ro - proc x rw\n22 27 0:21 / /proc rw - proc proc rw\n", EEXIST},
      {"22 27 0:21 / /proc rw - proc proc rw\n23 27 0:22 / /a\\040-\\040proc rw - tmpfs - rw\n", 0},
      {"22 27 0:21 / /proc rw - proc proc rw\n23 27 0:22 /proc /a rw proc - ext4 proc proc\n", 0},
  };
  for (const auto& [text, want] : cases) {
    for (std::size_t chunk = 1; chunk <= text.size() + 1; ++chunk) {
      const int got = verdict(text, chunk);
      BOOST_TEST(got == want, "chunks of " << chunk << " of:\n" << text);
      if (got != want) break;
    }
  }
  // Larger than the buffer, with the line at every place around its border.
  for (std::size_t pad = 3960; pad < 4100; ++pad) {
    const std::string filler = "1 1 0:1 / /" + std::string(pad, 'x') + " rw - tmpfs t rw\n";
    BOOST_TEST(verdict(filler + "22 27 0:21 / /proc rw - proc proc rw\n", 4096) == 0);
    BOOST_TEST(verdict(filler + "22 27 0:21 / /proc rw - proc proc rw\n2 2 0:2 / /b rw - proc p rw\n", 4096) == EEXIST);
  }
}

BOOST_AUTO_TEST_CASE(interface_names_that_cannot_be) {
  Fake longest;
  BOOST_CHECK(longest.interpret(Block().add(Op::link_up, {}, {"fifteen-letters"}).exec().bytes()) == std::nullopt);
  Fake fake;
  BOOST_CHECK(fake.interpret(Block().add(Op::link_up, {}, {"sixteen-letters!"}).exec().bytes()) == 125);
  BOOST_CHECK((fake.said.back() == Said{Say::failed, 0, ENODEV, 0}));
  BOOST_TEST(fake.calls.front() == "send()");
}

BOOST_AUTO_TEST_CASE(caps_empties_inheritable_alone) {
  Fake fake;
  fake.interpret(Block().add(Op::caps, {~0ULL, ~0ULL}).exec().bytes());
  const std::vector<std::uint32_t> want = {0xffff, 0xffff, 0, 0xffff, 0xffff, 0};
  BOOST_TEST(fake.capset_to == want, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(caps_takes_away_and_never_adds) {
  Fake fake;
  fake.interpret(Block().add(Op::caps, {0x1'0000'00f0ULL, 0x1'0000'0010ULL}).exec().bytes());
  const std::vector<std::uint32_t> want = {0x10, 0xf0, 0, 1, 1, 0};
  BOOST_TEST(fake.capset_to == want, boost::test_tools::per_element());
  Fake none;
  none.interpret(Block().add(Op::caps, {0x1'0000ULL, 0x1'0000ULL}).exec().bytes());  // 16 is not permitted
  const std::vector<std::uint32_t> nothing = {0, 0, 0, 0, 0, 0};
  BOOST_TEST(none.capset_to == nothing, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_ambient_is_inheritable_too) {
  Fake fake;
  fake.interpret(Block().add(Op::caps, {0x40, 0x40, 0x40}).exec().bytes());
  const std::vector<std::uint32_t> want = {0x40, 0x40, 0x40, 0, 0, 0};
  BOOST_TEST(fake.capset_to == want, boost::test_tools::per_element());
}

// Without keys, or under a filter that forbids them, there is nothing of the host's to be read.
BOOST_AUTO_TEST_CASE(no_keys_is_no_failure) {
  for (const long answer : {-ENOSYS, -EPERM}) {
    Fake fake;
    fake.answers["keyctl"] = {answer};
    BOOST_CHECK(fake.interpret(Block().add(Op::keyring).exec().bytes()) == std::nullopt);
  }
  Fake full;
  full.answers["keyctl"] = {-EDQUOT};
  BOOST_CHECK(full.interpret(Block().add(Op::keyring).exec().bytes()) == 125);
  BOOST_CHECK((full.said.back() == Said{Say::failed, 0, EDQUOT, 0}));
}

BOOST_AUTO_TEST_CASE(no_groups_is_a_list_too) {
  Fake fake;
  BOOST_CHECK(fake.interpret(Block().groups({}).exec().bytes()) == std::nullopt);
  BOOST_TEST(fake.calls[0] == "setgroups()");
}

BOOST_AUTO_TEST_CASE(a_working_directory_outside_the_root_is_none) {
  Fake fake;
  fake.cwd = "(unreachable)/etc";
  BOOST_CHECK(fake.interpret(Block().add(Op::workdir, {}, {"/proc/self/fd/9"}).exec().bytes()) == 125);
  BOOST_CHECK((fake.said.back() == Said{Say::failed, 0, ENOENT, 0}));
}

BOOST_AUTO_TEST_CASE(pdeathsig_after_the_supervisor_has_gone) {
  for (const std::int16_t events : {sys::kPollHup, sys::kPollErr}) {
    Fake fake;
    fake.boot_events = events;
    BOOST_CHECK(fake.interpret(Block().add(Op::pdeathsig, {9}).exec().bytes()) == 125);
    BOOST_CHECK((fake.said.back() == Said{Say::failed, 0, ESRCH, 0}));
  }
}

BOOST_AUTO_TEST_CASE(close_from_spares_the_boot_channel_wherever_it_is) {
  const auto calls = [](std::uint64_t from) {
    Fake fake;
    fake.interpret(Block().add(Op::close_from, {from}).exec().bytes());
    fake.calls.resize(fake.calls.size() - kExec.size());
    return fake.calls;
  };
  BOOST_TEST(calls(6) == (Strings{"close_range(6, 6)", "close_range(8, 4294967295)"}),
             boost::test_tools::per_element());
  BOOST_TEST(calls(7) == (Strings{"close_range(8, 4294967295)"}), boost::test_tools::per_element());
  BOOST_TEST(calls(8) == (Strings{"close_range(8, 4294967295)"}), boost::test_tools::per_element());
  BOOST_TEST(calls(9) == (Strings{"close_range(9, 4294967295)"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_short_write_is_an_error) {
  Fake fake;
  fake.short_write = true;
  BOOST_CHECK(fake.interpret(Block().add(Op::write_file, {}, {"/f", "abc"}).exec().bytes()) == 125);
  BOOST_CHECK((fake.said.back() == Said{Say::failed, 0, EIO, 0}));
}

BOOST_AUTO_TEST_CASE(interrupted_calls_are_made_again) {
  Fake fake;
  fake.heard = go_record();
  fake.file = once(kMountinfo);
  fake.answers = {{"open", {0, -EINTR}}, {"write", {-EINTR, -EINTR}}, {"read", {-EINTR}},
                  {"poll", {-EINTR}},    {"send", {-EINTR}},          {"recv", {-EINTR, -EINTR}}};
  Block plan;
  plan.add(Op::only_proc).add(Op::write_file, {}, {"/f", "abc"}).add(Op::pdeathsig, {9}).add(Op::wait).exec();
  BOOST_CHECK(fake.interpret(plan.bytes()) == std::nullopt);
  for (const auto& [name, left] : fake.answers) BOOST_TEST(left.empty(), name << " was not called again");
}

BOOST_AUTO_TEST_CASE(records_in_pieces) {
  Fake fake;
  fake.send_at_most = 3;
  fake.heard = go_record();
  BOOST_CHECK(fake.interpret(Block().add(Op::wait).add(Op::wait).exec().bytes()) == 125);
  BOOST_CHECK((fake.said == std::vector<Said>{{Say::wait, 0, 0, 0}, {Say::wait, 1, 0, 0}}));
}

BOOST_AUTO_TEST_CASE(wait_takes_one_go_and_nothing_else) {
  Fake one;
  one.heard = go_record() + "left";
  BOOST_CHECK(one.interpret(Block().add(Op::wait).exec().bytes()) == std::nullopt);
  BOOST_TEST(one.heard == "left");

  Fake end;  // the supervisor has gone: nobody to tell
  BOOST_CHECK(end.interpret(Block().add(Op::setsid).add(Op::wait).exec().bytes()) == 125);
  BOOST_CHECK((end.said == std::vector<Said>{{Say::wait, 1, 0, 0}}));

  Fake half;
  half.heard = go_record().substr(0, 9);
  BOOST_CHECK(half.interpret(Block().add(Op::wait).exec().bytes()) == 125);
  BOOST_TEST(half.said.size() == 1U);

  Fake reset;
  reset.answers["recv"] = {-ECONNRESET};
  BOOST_CHECK(reset.interpret(Block().add(Op::wait).exec().bytes()) == 125);
  BOOST_TEST(reset.said.size() == 1U);

  Fake strange;
  strange.heard = go_record();
  strange.heard[0] = static_cast<char>(Say::failed);
  BOOST_CHECK(strange.interpret(Block().add(Op::wait).exec().bytes()) == 125);
  BOOST_CHECK((strange.said.back() == Said{Say::failed, 0, EPROTO, 0}));

  Fake nobody;
  nobody.answers["send"] = {-EPIPE};
  nobody.heard = go_record();
  BOOST_CHECK(nobody.interpret(Block().add(Op::wait).exec().bytes()) == 125);
  BOOST_TEST(nobody.heard == go_record());
}

BOOST_AUTO_TEST_CASE(exec_walks_candidates_as_execvp_does) {
  struct Case {
    std::deque<long> answers;  // 0: runs
    bool runs;
    int err;
    std::uint32_t value;
  };
  const std::vector<Case> cases = {
      {{0}, true, 0, 0},
      {{-ENOENT, -ENOTDIR, 0}, true, 0, 0},
      {{-ENAMETOOLONG, -ESTALE, 0}, true, 0, 0},
      {{-ENODEV, -ETIMEDOUT, 0}, true, 0, 0},
      {{-EACCES, -ENOENT, 0}, true, 0, 0},
      {{-ENOENT, -ENOENT, -ENOENT}, false, ENOENT, 2},
      {{-ENOENT, -EACCES, -ENOENT}, false, EACCES, 1},
      {{-EACCES, -EACCES, -ENOTDIR}, false, EACCES, 0},
      {{-ENOENT, -ENOEXEC, 0}, false, ENOEXEC, 1},
      {{-EACCES, -ETXTBSY, 0}, false, ETXTBSY, 1},
      {{-E2BIG, 0}, false, E2BIG, 0},
      {{-ELIBBAD, 0}, false, ELIBBAD, 0},
      {{-ENOMEM, 0}, false, ENOMEM, 0},
  };
  for (const Case& c : cases) {
    Fake fake;
    fake.answers["execve"] = c.answers;
    const auto end = fake.interpret(Block().add(Op::setsid).exec({"/a/x", "/b/x", "/c/x"}).bytes());
    BOOST_TEST(!end.has_value() == c.runs);
    BOOST_REQUIRE(!fake.said.empty());
    BOOST_CHECK((fake.said.front() == Said{Say::exec, 1, 0, 0}));
    if (!c.runs) BOOST_CHECK((fake.said.back() == Said{Say::failed, 1, c.err, c.value}));
  }
  Fake none;
  BOOST_CHECK(none.interpret(Block().exec({}).bytes()) == 125);
  BOOST_CHECK((none.said.back() == Said{Say::failed, 0, ENOENT, 0}));
}

BOOST_AUTO_TEST_CASE(no_command_without_a_supervisor) {
  Fake fake;
  fake.answers["send"] = {-EPIPE};
  BOOST_CHECK(fake.interpret(Block().exec().bytes()) == 125);
  BOOST_TEST(fake.calls == (Strings{"send()", "exit(125)"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(arguments_pass_byte_for_byte) {
  Fake fake;
  fake.interpret(Block().exec({"/bin/\xff"}, {"", "\x01\xfe", "a b"}, {}).bytes());
  BOOST_TEST(fake.calls.back() == "execve(/bin/\xff, [ \x01\xfe a b], [])");
}

BOOST_AUTO_TEST_SUITE_END()
