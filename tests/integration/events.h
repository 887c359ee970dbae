// Events: the log of one sup as the cases ask about it.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sup::test {

// One event. Paths are JSON pointers: "/bytes/stdout".
class Event {
 public:
  [[nodiscard]] bool has(std::string_view path) const;       // present and not null
  [[nodiscard]] std::string text(
      std::string_view path) const;   // a string, or the JSON of anything else; "" when absent
  [[nodiscard]] long number(std::string_view path, long otherwise = -1) const;
  [[nodiscard]] std::string name() const { return text("/event"); }
  [[nodiscard]] const std::string& line() const { return line_; }

 private:
  friend class Events;
  struct Value;
  std::shared_ptr<const Value> value_;
  std::string line_;
};

class Events {
 public:
  explicit Events(std::string_view text);
  [[nodiscard]] std::size_t size() const { return all_.size(); }
  // By value from a temporary: a range-for over Events(…).all() must not outlive what it walks.
  [[nodiscard]] const std::vector<Event>& all() const& { return all_; }
  [[nodiscard]] std::vector<Event> all() && { return std::move(all_); }
  [[nodiscard]] std::size_t count(std::string_view name) const;
  [[nodiscard]] Event first(std::string_view name) const;   // an empty Event when there is none
  [[nodiscard]] Event last(std::string_view name) const;
  [[nodiscard]] std::string codes() const;                  // every /code that occurs, blank-separated
  // An event of this name whose `path` is `value`?
  [[nodiscard]] bool any(std::string_view name, std::string_view path, std::string_view value) const;

 private:
  std::vector<Event> all_;
};

// Is this text one JSON document? And as an Event, to ask it by pointers.
[[nodiscard]] bool is_json(std::string_view text);
[[nodiscard]] Event parse_json(std::string_view text);

// Holds every line against the published schema and against what a schema cannot say: one line each,
// UTF-8, keys in order, seq gapless from 1, cause before its effect, started after starting, exited last.
// Each breach is a failed check that names `where`.
void check_events(const std::string& text, std::string_view where);
// The same as a list of complaints, for the tests of the check itself.
[[nodiscard]] std::vector<std::string> event_complaints(const std::string& text);

}  // namespace sup::test
