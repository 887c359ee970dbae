// EventFeed: events.subscribe: what has happened and what happens, for clients that want to hear of it.
//
//   client                                   supervisor
//     │ events.subscribe {since, snapshot} ───► │
//     │ ◄─── {seq, first, missed} ───────────── │   seq: the latest event; first: the oldest that can still be had
//     │ ◄─── snapshot {containers} … ────────── │   as container.list has them, in as many parts as it takes
//     │ ◄─── event {…} … ────────────────────── │   those after `since` (or after `seq`), then each as it happens
//     │ ◄─── events.lost {last} ─────────────── │   it was too slow: the connection closes; subscribe since `last`
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/eventhistory.h"
#include "core/eventlog.h"
#include "loop/loop.h"
#include "loop/stream.h"

namespace sup::control {

class Subscription;

// Owned by the Server. Nothing is queued for a subscriber but a little: each reads from the one history at its own pace, and
// loses its place when that has moved on.
class EventFeed {
 public:
  EventFeed(Loop& loop, EventLog& log);
  ~EventFeed();
  EventFeed(const EventFeed&) = delete;
  EventFeed& operator=(const EventFeed&) = delete;
  [[nodiscard]] const EventHistory& history() const { return history_; }
  void restore(std::uint64_t first, const std::vector<std::string>& lines) { history_.restore(first, lines); }
  // Of the latest event, whether it is in the history or not.
  [[nodiscard]] std::uint64_t seq() const { return log_.seq(); }

 private:
  friend class Subscription;
  void happened(std::uint64_t seq, std::string_view line);

  Loop& loop_;
  EventLog& log_;
  EventHistory history_;
  std::set<Subscription*> subscriptions_;
  bool due_ = false;
};

// Owned by the Session, whose stream it uses. over: asks for the connection's end, which happens later.
class Subscription {
 public:
  // snapshot: lines to send first. next: the seq of the first event to send.
  Subscription(EventFeed& feed, Stream& stream, std::deque<std::string> snapshot, std::uint64_t next,
               std::function<void()> over);
  ~Subscription();
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;
  // For a live upgrade.
  [[nodiscard]] const std::deque<std::string>& snapshot() const { return snapshot_; }
  [[nodiscard]] std::uint64_t next() const { return next_; }
  // The stream has room again, or there is something new.
  void pump();

 private:
  static constexpr std::size_t kAhead = std::size_t{64} << 10;  // bytes that may wait in the stream

  EventFeed& feed_;
  Stream& stream_;
  std::deque<std::string> snapshot_;
  std::uint64_t next_;
  std::function<void()> over_;
  bool lost_ = false;
};

}  // namespace sup::control
