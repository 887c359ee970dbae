#include "core/mapping.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <utility>

namespace sup {
namespace {

constexpr std::chrono::seconds kPatience{10};

}  // namespace

Result<std::unique_ptr<Mapping>> Mapping::start(Loop& loop, Reaper& reaper, const IdMap& uids, const IdMap& gids,
                                                uid_t caller, std::function<void(Result<Fd>)> done) {
  auto held = HeldUserNamespace::make(caller);
  if (!held) return std::unexpected(std::move(held.error()));
  std::unique_ptr<Mapping> made(new Mapping(loop, reaper, std::move(*held), std::move(done)));
  const std::pair<MapProgram::Kind, const IdMap*> both[] = {{MapProgram::Kind::uids, &uids},
                                                            {MapProgram::Kind::gids, &gids}};
  for (std::size_t i = 0; i < made->programs_.size(); ++i) {
    auto program = start_map_program(both[i].first, made->held_.holder(), *both[i].second);
    if (!program) return std::unexpected(std::move(program.error()));
    made->programs_[i] = std::move(*program);
    made->watch(made->programs_[i]);
  }
  made->late_.start(kPatience, [p = made.get()] {
    const auto late = std::ranges::find_if(p->programs_, [](const MapProgram& each) { return each.pid > 0; });
    if (late != p->programs_.end() && !p->error_) p->error_ = map_program_late(*late);
    p->stop();
  });
  return made;
}

Mapping::~Mapping() {
  stop();
  for (const MapProgram& each : programs_) {
    if (each.pid > 0) reaper_.wait_for(each.pid);
  }
}

void Mapping::stop() {
  // The number is its own until it is reaped.
  for (const MapProgram& each : programs_) {
    if (each.pid > 0) (void)::kill(each.pid, SIGKILL);
  }
}

void Mapping::watch(MapProgram& program) {
  reaper_.watch(program.pid, [this, &program](int status, const rusage&, std::uint64_t) { ended(program, status); });
}

void Mapping::ended(MapProgram& program, int status) {
  program.pid = -1;
  if (auto well = map_program_ended(program, status); !well && !error_) {
    error_ = std::move(well.error());
    stop();
  }
  if (std::ranges::any_of(programs_, [](const MapProgram& each) { return each.pid > 0; })) return;
  late_.stop();
  if (auto done = std::exchange(done_, {}))
    done(error_ ? Result<Fd>(std::unexpected(std::move(*error_))) : held_.take());
}

}  // namespace sup
