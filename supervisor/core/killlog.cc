#include "core/killlog.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "sys/kernellog.h"

namespace sup {
namespace {

// At the log's end, between two looks; and how long it is waited for from when it was asked.
constexpr std::chrono::milliseconds kLook{5};
constexpr std::uint64_t kPatienceUs = 40'000;
// Somebody writes to it as fast as we read: then it has no end.
constexpr std::uint64_t kLongestUs = 2'000'000;
// Its clock is not quite CLOCK_MONOTONIC.
constexpr std::uint64_t kSlackUs = 5'000'000;

}  // namespace

KillLog::Question::Question(KillLog& log, pid_t pid, std::uint64_t since_us, Told told)
    : log_(&log), pid_(pid), since_us_(since_us > kSlackUs ? since_us - kSlackUs : 0), asked_us_(Loop::now_us()),
      told_(std::move(told)) {}

KillLog::Question::~Question() {
  if (log_ != nullptr) log_->withdraw(*this);
}

KillLog::KillLog(Loop& loop, std::function<Fd()> open) : open_(std::move(open)), next_(loop), more_(loop) {}

KillLog::~KillLog() {
  for (Question* one : waiting_) one->log_ = nullptr;
}

std::unique_ptr<KillLog::Question> KillLog::ask(pid_t pid, std::uint64_t since_us, Told told) {
  std::unique_ptr<Question> question(new Question(*this, pid, since_us, std::move(told)));
  waiting_.push_back(question.get());
  if (waiting_.size() == 1) fd_ = open_();
  // Who comes later has part of it in killed_, and the rest with the others.
  next_.start([this] { read(); });
  return question;
}

void KillLog::withdraw(const Question& question) {
  std::erase(waiting_, &question);
  if (waiting_.empty()) answer(true);
}

void KillLog::read() {
  if (waiting_.empty()) return;
  const auto note = [this](std::string_view record) {
    if (const auto kill = seccomp_kill(record)) killed_.insert_or_assign(kill->pid, *kill);
  };
  const bool more = fd_ && read_kernel_log(fd_.get(), kSlice, note);
  answer(!more);
  if (waiting_.empty()) return;
  if (more) return next_.start([this] { read(); });
  more_.start(kLook, [this] { read(); });
}

// Only at the end is it known which record is the last one of a number.
void KillLog::answer(bool at_end) {
  const auto now = Loop::now_us();
  std::vector<std::pair<Told, std::optional<std::string>>> answers;
  std::erase_if(waiting_, [&](Question* one) {
    const auto found = killed_.find(one->pid_);
    const bool known = found != killed_.end() && found->second.when_us >= one->since_us_;
    const auto waited = now - one->asked_us_;
    const bool over = !fd_ || waited > kLongestUs || (at_end && waited > kPatienceUs);
    if (!over && !(at_end && known)) return false;
    one->log_ = nullptr;
    answers.emplace_back(std::move(one->told_), known ? std::optional(call_name(found->second)) : std::nullopt);
    return true;
  });
  if (waiting_.empty()) {
    fd_.reset();
    killed_.clear();
    more_.stop();
  }
  for (auto& [told, call] : answers) told(std::move(call));
}

}  // namespace sup
