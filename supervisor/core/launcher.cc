#include "core/launcher.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "init/plan.h"
#include "loop/loop.h"
#include "sys/explain.h"
#include "sys/sealed.h"
#include "sys/spawn.h"
#include "sys/usernamespace.h"

namespace sup {
namespace {

Result<Fd> user_namespace_for(const Plan& plan, const Facts& facts, Fd made) {
  if (made) return made;
  if (!plan.user_namespace_of.empty()) return open_user_namespace(plan.user_namespace_of, plan.uids, plan.gids);
  auto held = HeldUserNamespace::make(facts.uid);
  if (!held) return std::unexpected(std::move(held.error()));
  if (auto mapped = held->map(plan.uids, plan.gids); !mapped) return std::unexpected(std::move(mapped.error()));
  return held->take();
}

}  // namespace

Result<BootChannel> make_boot_channel() {
  // A stream, not SEQPACKET: libuv reads the last record of a SEQPACKET pair and the hang-up in one go and loses it.
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
    return std::unexpected(Error{.code = "E_FDS",
                                 .where = "boot channel",
                                 .what = "cannot be made",
                                 .err = errno,
                                 .hint = errno == EMFILE ? "raise the limit: ulimit -n" : "",
                                 .stage = "spawn"});
  }
  return BootChannel{Fd(pair[0]), Fd(pair[1])};
}

Result<Fd> plan_file(const Plan& plan) {
  auto bytes = encode(plan);
  if (!bytes) return std::unexpected(bytes.error());
  return sealed_memfd("sup-plan", *bytes, Executable::no);
}

Result<Launched> launch(const Plan& plan, const Facts& facts, const int (&stdio)[3], int image, int boot, int cgroup,
                        LaunchOptions options) {
  Fd own;
  if (options.plan < 0) {
    auto file = plan_file(plan);
    if (!file) return std::unexpected(file.error());
    own = std::move(*file);
    options.plan = own.get();
  }

  SpawnRequest request;
  request.clone_flags = plan.clone_flags;
  request.map_user = plan.user_namespace && plan.uids.empty();
  request.uid = facts.uid;
  request.gid = facts.gid;
  request.image = image;
  request.cgroup = cgroup;
  for (const Fd& file : options.tasks) request.tasks.push_back(file.get());
  for (int i = 0; i < 3; ++i) request.fds.emplace_back(stdio[i], i);
  for (int i = 3; i < 3 + plan.preserve_fds; ++i) request.fds.emplace_back(i, i);
  request.fds.emplace_back(boot, plan.boot_fd());
  request.fds.emplace_back(options.plan, plan.boot_fd() + 1);
  if (plan.joins) {
    request.fds.emplace_back(options.join, plan.join_fd());
    request.fds.emplace_back(options.root, plan.join_fd() + 1);
  }
  if (plan.guarded) request.fds.emplace_back(options.guard, plan.guard_fd());
  Fd user_namespace;
  std::vector<Fd> trees;
  if (!plan.uids.empty()) {
    auto found = user_namespace_for(plan, facts, std::move(options.user_namespace));
    if (!found) return std::unexpected(std::move(found.error()));
    user_namespace = std::move(*found);
    request.user_namespace = user_namespace.get();
    for (const Plan::Tree& tree : plan.trees) {
      auto taken = idmapped_tree(tree.path, tree.recursive, user_namespace.get());
      if (!taken) return std::unexpected(std::move(taken.error()));
      request.fds.emplace_back(taken->get(), plan.tree_fd() + static_cast<int>(trees.size()));
      trees.push_back(std::move(*taken));
    }
  }
  request.argv = {"sup-init", std::to_string(plan.boot_fd())};

  const auto before = Loop::now_us();
  auto child = spawn(request);
  if (!child) {
    SpawnAttempt attempt;
    switch (child.error().stage) {
      case SpawnFailure::Stage::clone: attempt.stage = "clone"; break;
      case SpawnFailure::Stage::fds: attempt.stage = "fds"; break;
      case SpawnFailure::Stage::idmap: attempt.stage = "idmap"; break;
      case SpawnFailure::Stage::exec: attempt.stage = "exec"; break;
    }
    attempt.err = child.error().err;
    attempt.clone_flags = plan.clone_flags;
    attempt.uid = facts.uid;
    return std::unexpected(explain_spawn(attempt));
  }
  Launched launched;
  launched.clone_us = Loop::now_us() - before;
  launched.pid = child->pid;
  launched.pidfd = std::move(child->pidfd);
  return launched;
}

Result<std::string> go_on(const Plan& plan, std::size_t from, const int (&stdio)[3], int boot) {
  auto bytes = encode(plan);
  if (!bytes) return std::unexpected(bytes.error());
  wire::Record record{.say = static_cast<std::uint16_t>(wire::Say::go),
                      .step = static_cast<std::uint16_t>(from),
                      .err = 0,
                      .value = static_cast<std::uint32_t>(bytes->size()),
                      .reserved = 0};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof stdio)] = {};
  iovec parts[2] = {{&record, sizeof record}, {bytes->data(), bytes->size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* const rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof stdio);
  std::memcpy(CMSG_DATA(rights), stdio, sizeof stdio);
  ssize_t n = 0;
  do n = ::sendmsg(boot, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  // The channel has been silent and is empty: the record is taken whole.
  if (n < static_cast<ssize_t>(sizeof record))
    return std::unexpected(Error{.code = "E_PARKED",
                                 .where = "boot channel",
                                 .what = "an init made in advance does not listen",
                                 .err = n < 0 ? errno : EIO,
                                 .path = {},
                                 .stage = "spawn"});
  return std::string(reinterpret_cast<const char*>(bytes->data()) + (static_cast<std::size_t>(n) - sizeof record),
                     bytes->size() + sizeof record - static_cast<std::size_t>(n));
}

}  // namespace sup
