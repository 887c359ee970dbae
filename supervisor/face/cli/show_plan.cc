#include "face/cli/show_plan.h"

#include "base/text.h"
#include "face/print.h"
#include "face/say.h"
#include "spec/peers.h"
#include "spec/plan_json.h"

namespace sup::cli {
namespace {

// What happens before init has a say, then init's steps, numbered as errors name them.
std::string steps_text(const Plan& plan) {
  std::string text = "clone: " + describe_namespaces(plan.clone_flags) + "\n";
  if (!plan.uids.empty()) {
    text += "map: uids " + map_text(plan.uids) + ", gids " + map_text(plan.gids) + "; init runs as 0 of these" +
            (plan.user_namespace_of.empty() ? "" : ", in the user namespace of " + plan.user_namespace_of) + "\n";
    int fd = plan.tree_fd();
    for (const auto& tree : plan.trees) {
      text += "descriptor " + std::to_string(fd++) + ": " + shell_quote(tree.path) +
              (tree.recursive ? " and all below it" : "") + ", owners seen through the map\n";
    }
  } else if (plan.user_namespace)
    text += "map: the caller is root in the first user namespace, where init runs\n";
  text += std::string("descriptors: 0 1 2") + (plan.tty ? " (a terminal of its own)" : "");
  if (plan.preserve_fds > 0) text += " and 3 to " + std::to_string(2 + plan.preserve_fds);
  text += "\n";
  std::size_t number = 0;
  for (const auto& step : plan.steps) {
    const std::string index = std::to_string(number++);
    text += std::string(index.size() < 3 ? 3 - index.size() : 0, ' ') + index + "  " + describe(step) + "\n";
  }
  return text;
}

}  // namespace

Result<int> show_plan(const Spec& spec, const Facts& facts, const Plan& plan, const RunFlags& flags) {
  if (flags.as.empty()) return print(flags.json ? plan_json(plan) + "\n" : steps_text(plan));
  const auto peer = parse_peer(flags.as);
  if (!peer) return usage("--as " + printable(flags.as), "no such peer", "docker, bwrap, unshare or oci");
  auto rendering = render(spec, facts, *peer);
  if (!rendering) return std::unexpected(rendering.error());
  // Notes go to standard error: what is printed can be run, or redirected into a config.json, as it is.
  for (const auto& note : rendering->notes) say("--as " + flags.as + ": " + note);
  return print(rendering->text + "\n");
}

}  // namespace sup::cli
