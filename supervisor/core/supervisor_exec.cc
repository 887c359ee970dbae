// One more command in a container that runs.
#include <cerrno>
#include <utility>

#include "base/text.h"
#include "core/refusals.h"
#include "core/supervisor.h"
#include "spec/plan.h"
#include "sys/facts.h"
#include "sys/inside.h"

namespace sup {

void Supervisor::exec(Held& held, ExecRequest request, ExecTold told) {
  if (closing_) return told(std::unexpected(leaving()));
  if (auto next = next_state(held.state_, ContainerAction::exec, held.name().empty() ? held.id() : held.name());
      !next) {
    return told(std::unexpected(next.error()));
  }
  if (auto r = room(); !r) return told(std::unexpected(r.error()));
  if (!held.container_ || !held.container_->running()) {
    auto waiting = std::make_shared<ExecRequest>(std::move(request));
    // It may end instead, or be removed: then the state says so.
    return on_begin(held, [this, waiting, told = std::move(told)](const Held& begun) {
      const auto found = held_.find(begun.id());
      if (found == held_.end()) return told(std::unexpected(no_container(begun.id())));
      exec(*found->second, std::move(*waiting), told);
    });
  }
  const pid_t first = held.container_->inmost().pid;
  auto inside = look_inside(first);
  if (!inside) return told(std::unexpected(inside.error()));
  if (request.spec.user.empty()) return enter(held.id_, std::move(request), *inside, told);
  auto waiting = std::make_shared<ExecRequest>(std::move(request));
  const auto read = [first, known = *inside] {
    Inside all = known;
    user_files(first, all);
    return all.passwd + '\0' + all.group;
  };
  const std::string key = new_id();
  auto aside =
      Aside::ask(loop_, reaper_, read,
                 [this, key, waiting, told, id = held.id_, known = *inside](const std::optional<std::string>& text) {
                   Inside all = known;
                   const auto cut = text ? text->find('\0') : std::string::npos;
                   if (cut != std::string::npos) all.passwd = text->substr(0, cut), all.group = text->substr(cut + 1);
    // Not in the Aside's own callback.
                   loop_.later([this, key, waiting, told, id, all, answered = cut != std::string::npos] {
                     asked_.erase(key);
                     if (answered) return enter(id, std::move(*waiting), all, told);
                     told(std::unexpected(Error{.code = "E_USER",
                                                .where = "--user",
                                                .what = printable(waiting->spec.user),
                                                .err = ETIMEDOUT,
                                                .why = "the container's files do not answer",
                                                .hint = "leave -u out",
                                                .path = {},
                                                .stage = "user"}));
                   });
                 });
  if (!aside) return told(std::unexpected(aside.error()));
  asked_.emplace(key, std::move(*aside));
}

Container* Supervisor::find_exec(const std::string& id) const {
  const auto found = execs_.find(id);
  return found == execs_.end() ? nullptr : found->second.get();
}

Container::Hooks Supervisor::exec_hooks(const std::string& key, Container::Hooks hooks) {
  hooks.ended = [this, key, ended = std::move(hooks.ended)](const Outcome& outcome) {
    if (ended) ended(outcome);
    loop_.later([this, key] {
      execs_.erase(key);
      if (on_change) on_change();
    });
  };
  return hooks;
}

void Supervisor::enter(const std::string& id, ExecRequest request, const Inside& inside, const ExecTold& told) {
  const auto found = held_.find(id);
  if (found == held_.end()) return told(std::unexpected(no_container(id)));
  Held& held = *found->second;
  // Much may have happened while somebody looked.
  if (auto next = next_state(held.state_, ContainerAction::exec, held.name().empty() ? held.id() : held.name());
      !next || !held.container_) {
    return told(std::unexpected(next ? no_container(id) : next.error()));
  }
  Container& target = *held.container_;
  auto plan = compile_exec(held.spec_, target.facts(), request.spec, inside);
  if (!plan) return told(std::unexpected(plan.error()));
  Container::Entry entry;
  do entry.id = new_id();
  while (execs_.contains(entry.id));
  auto inmost = target.inmost();
  entry.pid1 = inmost.pid;
  entry.pidfd = inmost.pidfd;
  entry.own = std::move(inmost.own);
  entry.place = [this, id](pid_t pid) -> Result<void> {
    const auto at = held_.find(id);
    return at != held_.end() && at->second->container_ ? at->second->container_->enclose(pid) : Result<void>{};
  };
  Spec spec;
  spec.argv = std::move(request.spec.argv);
  spec.name = held.name();
  spec.tty = request.spec.tty;
  spec.interactive = request.spec.interactive;
  const std::string key = entry.id;
  auto made = std::make_unique<Container>(loop_, log_, reaper_, std::move(spec), target.facts(), std::move(*plan),
                                          exec_hooks(key, std::move(request.hooks)), std::move(entry));
  Container& command = *made;
  execs_.emplace(key, std::move(made));
  told(&command);
  command.start(std::move(request.wiring), image_.get());
}

}  // namespace sup
