#include "core/pool.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <iterator>
#include <utility>

#include "core/launcher.h"
#include "init/plan.h"
#include "spec/parked.h"
#include "sys/pidfd.h"
#include "sys/placement.h"

namespace sup {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kFew = 2;             // kept at rest
constexpr std::size_t kMany = 16;           // kept at most, unless told otherwise
constexpr double kMemory = 5e6;             // microseconds after which a start counts by a third only
constexpr milliseconds kQuiet{3};           // without a start, before one is made
constexpr milliseconds kNext{1};            // between two that are made: who asks meanwhile comes first
constexpr milliseconds kAtFirst{30};        // after keep(): whoever started us is about to ask for a container
constexpr milliseconds kAfterDeath{500};    // of one that was killed
constexpr milliseconds kShrink{20'000};     // without a start, before surplus ones go

}  // namespace

Pool::Pool(Loop& loop, Reaper& reaper, World& world, int image, std::function<bool()> busy, std::function<bool()> room)
    : reaper_(reaper), world_(world), image_(image), busy_(std::move(busy)), room_(std::move(room)), refill_(loop) {}

Pool::~Pool() { clear(); }

void Pool::keep(std::optional<std::size_t> fixed) {
  enabled_ = true;
  fixed_ = fixed;
  // Now rather than at the first start: what it takes of descriptors is there from the beginning.
  (void)look_around();
  refill_after(kAtFirst);
}

void Pool::clear() {
  enabled_ = false;
  refill_.stop();
  for (const Made& made : made_) (void)pidfd_signal(made.pidfd.get(), SIGKILL);
  for (const Made& made : made_) {
    reaper_.wait_for(made.pid);
  }
  made_.clear();
}

std::size_t Pool::wanted() const {
  if (!enabled_) return 0;
  if (fixed_) return *fixed_;
  const double since = static_cast<double>(Loop::now_us() - recent_us_);
  return std::clamp(static_cast<std::size_t>(recent_ * std::exp(-since / kMemory)), kFew, kMany);
}

void Pool::started() {
  const auto now = Loop::now_us();
  recent_ = recent_ * std::exp(-static_cast<double>(now - recent_us_) / kMemory) + 1;
  recent_us_ = now;
  refill_after(kQuiet);
}

void Pool::refill_after(milliseconds pause) {
  if (enabled_) refill_.start(pause, [this] { refill(); });
}

void Pool::refill() {
  // Those of another world are of no use to anybody.
  for (auto it = made_.begin(); it != made_.end();) {
    const auto next = std::next(it);
    if (it->generation != world_.generation) end(it);
    it = next;
  }
  const std::size_t wish = wanted();
  if (made_.size() < wish) {
    if (busy_()) return refill_after(kQuiet);
    // For want of memory, descriptors, processes or rights: no reason to try without end, but again after the next start.
    if (!room_() || !make()) return;
    if (made_.size() < wish) return refill_after(kNext);
  }
  while (made_.size() > wish) end(made_.begin());
  // One look more when all has been quiet for long; then none, until something is started.
  if (!fixed_ && made_.size() > kFew) refill_after(kShrink);
}

std::optional<Facts> Pool::look_around() {
  Spec nothing;
  nothing.argv = {"/"};
  auto facts = gather(nothing, world_);
  if (!facts) return std::nullopt;
  facts->cwd = "/";
  if (!plan_ || plan_generation_ != world_.generation) {
    const auto whole = compile(nothing, *facts);
    if (!whole) return std::nullopt;
    Plan plan = parked(*whole);
    auto file = plan_file(plan);
    // Never a descriptor of the supervisor's for 0 to 2, not even until init closes them.
    if (!null_) null_ = Fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!file || !null_) return std::nullopt;
    plan_ = std::move(plan);
    plan_file_ = std::move(*file);
    plan_generation_ = world_.generation;
  }
  return std::move(*facts);
}

bool Pool::make() {
  const auto facts = look_around();
  if (!facts || done(*plan_) == 0) return false;
  auto channel = make_boot_channel();
  if (!channel) return false;
  auto launched = launch(*plan_, *facts, {null_.get(), null_.get(), null_.get()}, image_, channel->theirs.get(), -1,
                         {.plan = plan_file_.get()});
  if (!launched) return false;
  Made made;
  made.pid = launched->pid;
  made.pidfd = std::move(launched->pidfd);
  made.boot = std::move(channel->ours);
  made.done = done(*plan_);
  made.generation = world_.generation;
  reaper_.watch(made.pid, [this, pid = made.pid](int, const rusage&, std::uint64_t) { died(pid); });
  made_.push_back(std::move(made));
  return true;
}

void Pool::expect() {
  if (!enabled_ || !std::exchange(fitted_, false)) return;
  const auto current = [this](const Made& made) { return made.generation == world_.generation; };
  if (std::ranges::any_of(made_, current) || !room_() || !make()) return;
  place_apart(made_.back().pid);
  // Should nobody come for it.
  refill_after(kQuiet);
}

Pool::Look Pool::look(const Made& made) {
  pollfd p[2] = {{.fd = made.boot.get(), .events = POLLIN, .revents = 0},
                 {.fd = made.pidfd.get(), .events = POLLIN, .revents = 0}};
  if (::poll(p, 2, 0) < 0 || p[1].revents != 0 || (p[0].revents & ~POLLIN) != 0) return Look::lost;
  // It says one thing, once: that it is parked. Should it be a failure, it is as one that is killed the moment it is handed out.
  return p[0].revents == 0 ? Look::busy : Look::ready;
}

std::optional<Parked> Pool::take(const Plan& plan) {
  if (!enabled_) return std::nullopt;
  started();
  if (!plan_ || plan_generation_ != world_.generation) (void)look_around();
  fitted_ = plan_ && fits(*plan_, plan);
  auto best = made_.end();
  for (auto it = made_.begin(); fitted_ && it != made_.end();) {
    const auto next = std::next(it);
    const Look now = it->generation == world_.generation ? look(*it) : Look::busy;
    if (now == Look::lost) {
      end(it);
    } else if (it->generation == world_.generation && (now == Look::ready || best == made_.end())) {
      best = it;
      if (now == Look::ready) break;
    }
    it = next;
  }
  if (best == made_.end()) return std::nullopt;
  std::optional<Parked> taken = std::move(static_cast<Parked&>(*best));
  made_.erase(best);
  return taken;
}

// Killed, and reaped when the loop hears of it.
void Pool::end(std::list<Made>::iterator made) {
  reaper_.watch(made->pid, [](int, const rusage&, std::uint64_t) {});
  (void)pidfd_signal(made->pidfd.get(), SIGKILL);
  made_.erase(made);
}

void Pool::died(pid_t pid) {
  const auto found = std::ranges::find(made_, pid, &Made::pid);
  if (found == made_.end()) return;
  wire::Record said{};
  const bool waited =
      ::recv(found->boot.get(), &said, sizeof said, MSG_DONTWAIT) == static_cast<ssize_t>(sizeof said) &&
      said.say == static_cast<std::uint16_t>(wire::Say::parked);
  made_.erase(found);
  // Killed from outside: replaced, but not as fast as somebody can kill. One that never came to wait would not the next time
  // either: then not before the next start.
  if (waited) refill_after(kAfterDeath);
}

}  // namespace sup
