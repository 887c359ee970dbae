#include "face/control/eventfeed.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "spec/jsonrpc.h"

namespace sup::control {

EventFeed::EventFeed(Loop& loop, EventLog& log) : loop_(loop), log_(log) {
  log_.on_line([this](std::uint64_t seq, std::string_view line) { happened(seq, line); });
}

EventFeed::~EventFeed() { log_.on_line({}); }

void EventFeed::happened(std::uint64_t seq, std::string_view line) {
  history_.add(seq, line);
  if (subscriptions_.empty() || due_) return;
  // At the end of the turn, for all that happened in it: who emits an event must not meet a subscriber's trouble.
  due_ = true;
  loop_.later([this] {
    due_ = false;
    const auto all = subscriptions_;
    for (auto* one : all) one->pump();
  });
}

Subscription::Subscription(EventFeed& feed, Stream& stream, std::deque<std::string> snapshot, std::uint64_t next,
                           std::function<void()> over)
    : feed_(feed), stream_(stream), snapshot_(std::move(snapshot)), next_(next), over_(std::move(over)) {
  feed_.subscriptions_.insert(this);
}

Subscription::~Subscription() { feed_.subscriptions_.erase(this); }

void Subscription::pump() {
  if (lost_) {
    if (stream_.queued() == 0) over_();
    return;
  }
  while (!snapshot_.empty() && stream_.queued() < kAhead) {
    stream_.write(snapshot_.front());
    snapshot_.pop_front();
  }
  const auto& history = feed_.history();
  while (snapshot_.empty() && stream_.queued() < kAhead && next_ <= history.last()) {
    if (next_ < history.first()) {
      lost_ = true;
      stream_.write(notification_line("events.lost", {{"last", next_ - 1}}) + "\n");
      if (stream_.queued() == 0) over_();
      return;
    }
    std::string line = R"({"jsonrpc":"2.0","method":"event","params":)";
    line += history.line(next_);
    line += "}\n";
    ++next_;
    stream_.write(line);
  }
}

}  // namespace sup::control
