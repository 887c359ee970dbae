#include "spec/plan_json.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "spec/capabilities.h"
#include "spec/signals.h"

namespace sup {
namespace {

using Json = nlohmann::ordered_json;
using wire::Op;

Json texts(const std::vector<std::string>& strings) {
  Json out = Json::array();
  for (const std::string& text : strings) out.push_back(to_utf8(text));
  return out;
}

Json namespaces(std::uint64_t clone_flags) {
  Json out = Json::array();
  const std::string names = describe_namespaces(clone_flags);
  for (const std::string_view name : split(names, ',')) out.push_back(std::string(name));
  return out;
}

Json capabilities(std::uint64_t mask) {
  Json names = Json::array();
  for (int number = 0; number < 64; ++number) {
    if (((mask >> number) & 1U) != 0) names.push_back(capability_name(number));
  }
  return names;
}

// The arguments under names, as init/plan.h lists them for each op.
void arguments(const Step& step, Json& out) {
  switch (step.op) {
    case Op::mount:
      out["source"] = to_utf8(step.s[0]);
      out["target"] = to_utf8(step.s[1]);
      out["fstype"] = to_utf8(step.s[2]);
      out["data"] = to_utf8(step.s[3]);
      out["flags"] = step.n[0];
      break;
    case Op::umount_stack: out["target"] = to_utf8(step.s[0]); break;
    case Op::enter:
      out["namespaces"] = namespaces(step.n[0]);
      out["path"] = to_utf8(step.s[0]);
      break;
    case Op::hostname: out["hostname"] = to_utf8(step.s[0]); break;
    case Op::link_up: out["interface"] = to_utf8(step.s[0]); break;
    case Op::unshare:
    case Op::join: out["namespaces"] = namespaces(step.n[0]); break;
    case Op::write_file:
      out["path"] = to_utf8(step.s[0]);
      out["content"] = to_utf8(step.s[1]);
      break;
    case Op::rlimit:
      out["resource"] = step.n[0];
      out["soft"] = step.n[1];
      out["hard"] = step.n[2];
      break;
    case Op::capbset_drop: out["capabilities"] = capabilities(step.n[0]); break;
    case Op::caps:
      out["permitted"] = capabilities(step.n[0]);
      out["effective"] = capabilities(step.n[1]);
      out["ambient"] = capabilities(step.n[2]);
      break;
    case Op::call:
      out["number"] = step.flags;
      out["arguments"] = step.n;
      break;
    case Op::seccomp: out["instructions"] = step.n[0]; break;
    case Op::groups: out["gids"] = step.numbers; break;
    case Op::ids:
      out["uid"] = step.n[0];
      out["gid"] = step.n[1];
      break;
    case Op::cover: out["path"] = to_utf8(step.s[0]); break;
    case Op::umask: out["mask"] = step.n[0]; break;
    case Op::workdir: out["path"] = to_utf8(step.s[0]); break;
    case Op::ctty: out["fd"] = step.n[0]; break;
    case Op::pdeathsig: out["signal"] = signal_name(static_cast<int>(step.n[0])); break;
    case Op::close_from: out["fd"] = step.n[0]; break;
    case Op::exec:
      if (step.lists.size() == 3) {
        out["candidates"] = texts(step.lists[0]);
        out["argv"] = texts(step.lists[1]);
        out["env"] = texts(step.lists[2]);
      }
      out["too_long"] = step.n[0];
      break;
    case Op::wait:
      out["for"] = step.n[0];
      if (!step.s[0].empty()) out["command"] = step.s[0];
      break;
    case Op::tree:
    case Op::filesystem:
    case Op::attributes:
    case Op::attach:
    case Op::make:
    case Op::mask:
    case Op::readonly:
    case Op::pivot:
    case Op::renew:
    case Op::let_go:
    case Op::terminal:
    case Op::ruleset:
    case Op::allow:
    case Op::enforce:
      if (!step.s[0].empty()) out["path"] = to_utf8(step.s[0]);
      if (!step.s[1].empty()) out["target"] = to_utf8(step.s[1]);
      if (!step.lists.empty()) out["list"] = texts(step.lists[0]);
      out["numbers"] = step.n;
      break;
    case Op::stay:
      if (step.n[0] != 0) out["guard"] = step.n[0];
      break;
    case Op::file:
      out["path"] = to_utf8(step.s[0]);
      out["content"] = to_utf8(step.s[1]);
      out["numbers"] = step.n;
      break;
    case Op::none:
    case Op::only_proc:
    case Op::keyring:
    case Op::setsid:
    case Op::signals_default:
    case Op::unblock: break;
  }
}

}  // namespace

std::string_view op_name(Op op) {
  switch (op) {
    case Op::none: return "none";
    case Op::mount: return "mount";
    case Op::umount_stack: return "umount_stack";
    case Op::only_proc: return "only_proc";
    case Op::cover: return "cover";
    case Op::hostname: return "hostname";
    case Op::link_up: return "link_up";
    case Op::unshare: return "unshare";
    case Op::write_file: return "write_file";
    case Op::rlimit: return "rlimit";
    case Op::capbset_drop: return "capbset_drop";
    case Op::caps: return "caps";
    case Op::call: return "call";
    case Op::enter: return "enter";
    case Op::seccomp: return "seccomp";
    case Op::keyring: return "keyring";
    case Op::ruleset: return "ruleset";
    case Op::allow: return "allow";
    case Op::enforce: return "enforce";
    case Op::groups: return "groups";
    case Op::ids: return "ids";
    case Op::umask: return "umask";
    case Op::workdir: return "workdir";
    case Op::setsid: return "setsid";
    case Op::ctty: return "ctty";
    case Op::pdeathsig: return "pdeathsig";
    case Op::stay: return "stay";
    case Op::close_from: return "close_from";
    case Op::signals_default: return "signals_default";
    case Op::unblock: return "unblock";
    case Op::wait: return "wait";
    case Op::exec: return "exec";
    case Op::join: return "join";
    case Op::tree: return "tree";
    case Op::filesystem: return "filesystem";
    case Op::attributes: return "attributes";
    case Op::attach: return "attach";
    case Op::make: return "make";
    case Op::mask: return "mask";
    case Op::readonly: return "readonly";
    case Op::pivot: return "pivot";
    case Op::renew: return "renew";
    case Op::let_go: return "let_go";
    case Op::file: return "file";
    case Op::terminal: return "terminal";
  }
  return "unknown";
}

std::string plan_json(const Plan& plan) {
  Json out;
  out["clone"] = namespaces(plan.clone_flags);
  out["user_namespace"] = plan.user_namespace;
  if (!plan.uids.empty()) {
    const auto map = [](const IdMap& ranges) {
      Json list = Json::array();
      for (const IdRange& range : ranges)
        list.push_back(Json{{"inside", range.inside}, {"outside", range.outside}, {"count", range.count}});
      return list;
    };
    out["uids"] = map(plan.uids);
    out["gids"] = map(plan.gids);
    if (!plan.user_namespace_of.empty()) out["user_namespace_of"] = plan.user_namespace_of;
    Json trees = Json::array();
    for (const Plan::Tree& tree : plan.trees)
      trees.push_back(Json{{"path", to_utf8(tree.path)}, {"recursive", tree.recursive}});
    out["idmapped"] = std::move(trees);
  }
  out["tty"] = plan.tty;
  out["preserve_fds"] = plan.preserve_fds;
  Json steps = Json::array();
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    Json one;
    one["index"] = i;
    one["op"] = std::string(op_name(step.op));
    one["stage"] = std::string(stage(step));
    one["text"] = to_utf8(describe(step));
    arguments(step, one);
    steps.push_back(std::move(one));
  }
  out["steps"] = std::move(steps);
  return out.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace sup
