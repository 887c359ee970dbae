#include "face/reload.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"
#include "core/savedcodec.h"
#include "spec/exit_status.h"
#include "sys/handover.h"

namespace sup {
namespace {

// Reading a state takes milliseconds; on a machine with no time to spare, whatever it takes. Nothing waits for it but the reload.
constexpr std::chrono::milliseconds kTrial{60'000};
constexpr std::uint64_t kSettle = 10'000'000;  // us; a start takes milliseconds
constexpr std::chrono::milliseconds kLook{2};
constexpr std::size_t kWords = 4096;
constexpr int kReads = 16;  // a pipe's

Error nothing_came_of_it(std::string why) {
  return Error{.code = "E_RELOAD",
               .where = "reload",
               .what = "not done",
               .err = 0,
               .why = std::move(why),
               .hint = "the supervisor goes on as it was"};
}

}  // namespace

Reload::Reload(Loop& loop, Reaper& reaper, Host host)
    : loop_(loop), reaper_(reaper), host_(std::move(host)), patience_(loop) {}

Result<void> Reload::begin(std::string program, std::function<void(const Error&)> failed) {
  if (failed_) return std::unexpected(nothing_came_of_it("another reload is under way"));
  program_ = std::move(program);
  // The new program is asked first whether it can read this state: once it has taken over there is no way back.
  auto state = write_state(encode_state(host_.save()));
  if (!state) return std::unexpected(state.error());
  auto trial = start_trial(program_, host_.argv(true), *state);
  if (!trial) return std::unexpected(trial.error());
  failed_ = std::move(failed);
  said_.clear();
  trial_ = trial->pid;
  reaper_.watch(trial_, [this](int status, const rusage&, std::uint64_t) {
    trial_ = -1;
    status_ = status;
    loop_.later([this] { tried(); });
  });
  auto words =
      Stream::open(loop_, std::move(trial->words), {.on_data = [this](std::string_view bytes) { hear(bytes); }});
  if (!words) {
    ::kill(trial_, SIGKILL);  // reaped by the watch above, which finds nothing to do
    failed_ = {};
    return std::unexpected(words.error());
  }
  words_ = std::move(*words);
  words_->read_start();
  patience_.start(kTrial, [this] {
    if (trial_ > 0) ::kill(-trial_, SIGKILL);
  });
  return {};
}

void Reload::hear(std::string_view bytes) {
  if (said_.size() < kWords) said_.append(bytes.substr(0, kWords));
}

void Reload::tried() {
  if (trial_ > 0 || !words_) return;
  // What it has said is there; the end of it may not come, where it has left somebody behind.
  char rest[kWords];
  for (int i = 0; i < kReads && !words_->ended(); ++i) {
    const ssize_t n = ::read(words_->fd(), rest, sizeof rest);
    if (n <= 0) break;
    hear({rest, static_cast<std::size_t>(n)});
  }
  words_.reset();
  patience_.stop();
  const auto ended = ExitStatus::from_wait(status_);
  if (!ended || ended->to_shell() != 0) {
    std::string why = said_.substr(0, said_.find('\n'));
    if (why.starts_with("sup: ")) why.erase(0, 5);
    if (why.empty()) why = "it ended with " + std::to_string(ended ? ended->to_shell() : 125);
    return give_up(nothing_came_of_it(printable(program_) + " cannot take over: " + printable(why)));
  }
  if (!said_.ends_with(kTrialPassed))
    return give_up(nothing_came_of_it(printable(program_) + " cannot take over: it is no sup, or of another time"));
  host_.hold(true);
  since_us_ = Loop::now_us();
  settle();
}

void Reload::settle() {
  if (!host_.settled()) {
    if (Loop::now_us() - since_us_ > kSettle) {
      host_.hold(false);
      return give_up(nothing_came_of_it("a start or a pause does not come to its end"));
    }
    return patience_.start(kLook, [this] { settle(); });
  }
  // At the end of a turn, when every callback has said what it knows.
  loop_.later([this] {
    if (host_.settled()) return go();
    settle();
  });
}

void Reload::go() {
  auto state = write_state(encode_state(host_.save()));
  const Error error = state ? exec_in_place(program_, host_.argv(false), *state, host_.descriptors()) : state.error();
  host_.hold(false);
  give_up(error);
}

void Reload::give_up(const Error& error) {
  words_.reset();
  if (auto failed = std::exchange(failed_, {})) failed(error);
}

}  // namespace sup
