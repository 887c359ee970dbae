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

bool Pool::make() {
  Spec nothing;
  nothing.argv = {"/"};
  const auto facts = gather(nothing, world_);
  if (!facts) return false;
  if (!plan_ || plan_generation_ != world_.generation) {
    const auto whole = compile(nothing, *facts);
    if (!whole) return false;
    plan_ = parked(*whole);
    plan_generation_ = world_.generation;
  }
  if (done(*plan_) == 0) return false;
  auto channel = make_boot_channel();
  if (!channel) return false;
  // Never a descriptor of the supervisor's, not even until it closes them.
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) return false;
  auto launched = launch(*plan_, *facts, {null.get(), null.get(), null.get()}, image_, channel->theirs.get());
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

// It says one thing, once: that it waits. Anything else is a failure, or its end.
bool Pool::waits(Made& made) {
  if (made.ready) return true;
  wire::Record record{};
  const ssize_t n = ::recv(made.boot.get(), &record, sizeof record, MSG_DONTWAIT);
  made.ready = n == static_cast<ssize_t>(sizeof record) && record.say == static_cast<std::uint16_t>(wire::Say::wait);
  return made.ready;
}

Pool::Look Pool::look(Made& made) {
  pollfd p[2] = {{.fd = made.boot.get(), .events = POLLIN, .revents = 0},
                 {.fd = made.pidfd.get(), .events = POLLIN, .revents = 0}};
  if (::poll(p, 2, 0) < 0 || p[1].revents != 0) return Look::lost;
  if (p[0].revents == 0) return made.ready ? Look::ready : Look::busy;
  return !made.ready && waits(made) ? Look::ready : Look::lost;
}

std::optional<Parked> Pool::take(const Plan& plan) {
  if (!enabled_) return std::nullopt;
  started();
  std::optional<Parked> taken;
  for (auto it = made_.begin(); it != made_.end() && !taken;) {
    const auto next = std::next(it);
    if (it->generation == world_.generation && plan_ && fits(*plan_, plan)) {
      switch (look(*it)) {
        case Look::ready:
          taken = std::move(static_cast<Parked&>(*it));
          made_.erase(it);
          break;
        case Look::busy: break;
        case Look::lost: end(it); break;
      }
    }
    it = next;
  }
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
  const bool waited = waits(*found);
  made_.erase(found);
  // Killed from outside: replaced, but not as fast as somebody can kill. One that never came to wait would not the next time
  // either: then not before the next start.
  if (waited) refill_after(kAfterDeath);
}

}  // namespace sup
