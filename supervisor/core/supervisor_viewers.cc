// Who watches a container and types into it: see core/audience.h.
#include <utility>

#include "core/supervisor.h"

namespace sup {

Result<void> Supervisor::attach(Held& held, Viewer& viewer, std::optional<winsize> size) {
  if (!is_live(held.state_) || !held.container_ || held.container_->ended()) {
    return std::unexpected(
        Error{.code = "E_STATE",
              .where = "attach",
              .what = held.name().empty() ? held.id() : held.name(),
              .err = 0,
              .why = held.state_ == ContainerState::backoff ? "waits to be restarted" : "does not run",
              .hint = "sup logs shows what it has put out",
              .path = {},
              .stage = {}});
  }
  held.audience_.add(viewer, size);
  fit(held);
  return {};
}

void Supervisor::detach(Held& held, const Viewer& viewer) {
  held.audience_.remove(viewer);
  fit(held);
  eased(held);
}

void Supervisor::eased(Held& held) {
  if (!held.container_ || held.audience_.full()) return;
  held.container_->resume_output(Channel::out);
  held.container_->resume_output(Channel::err);
}

void Supervisor::type(Held& held, const Viewer& viewer, std::string_view bytes) {
  if (!held.container_) return;
  held.audience_.active(viewer);
  fit(held);
  held.container_->write_input(bytes);
}

void Supervisor::end_input(Held& held) {
  if (held.container_) held.container_->end_input();
}

void Supervisor::resize(Held& held, const Viewer& viewer, const winsize& size) {
  held.audience_.resized(viewer, size);
  fit(held);
}

void Supervisor::fit(Held& held) {
  if (!held.spec_.tty || !held.container_) return;
  // One that is restarted begins with the size its window has now.
  if (const auto size = held.audience_.window(); size && held.container_->resize(*size)) held.request_.size = *size;
}

void Supervisor::note(const Held& held, decltype(Event::what) what) {
  log_.emit(Event{.id = held.id_,
                  .name = held.name(),
                  .cause = held.container_ ? held.container_->last_seq() : 0,
                  .what = std::move(what)});
}

}  // namespace sup
