#include "events.h"

#include <boost/test/unit_test.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <ranges>

#include "harness.h"
#include "schema.h"

namespace sup::test {

using nlohmann::json;
using nlohmann::ordered_json;

struct Event::Value {
  json document;
};

namespace {

const json* find(const json& document, std::string_view path) {
  const json::json_pointer pointer{std::string(path)};
  return document.contains(pointer) ? &document.at(pointer) : nullptr;
}

const json& schema() {
  static const json loaded = json::parse(read_text(SUP_SCHEMA));
  return loaded;
}

bool valid_utf8(std::string_view text) {
  try {
    return !json(std::string(text)).dump().empty();  // dump() is strict by default
  } catch (const json::exception&) {
    return false;
  }
}

// The keys come in the contract's order; those that are absent are passed over.
std::string misplaced_key(const ordered_json& event) {
  static const char* const order[] = {"level", "msg",        "time", "event", "seq",
                                      "cause", "supervisor", "id",   "name",  "exec"};
  std::size_t at = 0;
  for (const auto& [key, value] : event.items()) {
    std::size_t found = 0;
    while (found < std::size(order) && key != order[found]) ++found;
    if (found == std::size(order)) {
      at = found;  // the event's own keys have begun
    } else {
      if (found < at) return key;
      at = found;
    }
  }
  return {};
}

}  // namespace

bool Event::has(std::string_view path) const {
  if (!value_) return false;
  const json* at = find(value_->document, path);
  return at != nullptr && !at->is_null();
}

std::string Event::text(std::string_view path) const {
  if (!value_) return {};
  const json* at = find(value_->document, path);
  if (at == nullptr) return {};
  return at->is_string() ? at->get<std::string>() : at->dump(-1, ' ', true, json::error_handler_t::replace);
}

long Event::number(std::string_view path, long otherwise) const {
  if (!value_) return otherwise;
  const json* at = find(value_->document, path);
  return at != nullptr && at->is_number() ? at->get<long>() : otherwise;
}

Events::Events(std::string_view text) {
  for (const auto& line : lines(text)) {
    auto document = json::parse(line, nullptr, false);
    if (document.is_discarded() || !document.is_object() || !document.contains("event")) continue;
    Event event;
    event.line_ = line;
    event.value_ = std::make_shared<const Event::Value>(Event::Value{std::move(document)});
    all_.push_back(std::move(event));
  }
}

Event parse_json(std::string_view text) {
  // Wrapped into an event so that Event's questions serve any document.
  auto document = json::parse(text, nullptr, false);
  Event event;
  if (document.is_discarded()) return event;
  json wrapped = document;
  if (wrapped.is_object() && !wrapped.contains("event")) wrapped["event"] = "";
  if (!wrapped.is_object()) wrapped = json{{"event", ""}, {"items", document}};
  const Events one(wrapped.dump(-1, ' ', true, json::error_handler_t::replace));
  return one.size() == 1 ? one.all()[0] : event;
}

bool is_json(std::string_view text) { return json::accept(text); }

std::size_t Events::count(std::string_view name) const {
  std::size_t n = 0;
  for (const auto& event : all_) n += event.name() == name ? 1U : 0U;
  return n;
}

Event Events::first(std::string_view name) const {
  for (const auto& event : all_) {
    if (event.name() == name) return event;
  }
  return {};
}

Event Events::last(std::string_view name) const {
  for (const Event& event : all_ | std::views::reverse) {
    if (event.name() == name) return event;
  }
  return {};
}

std::string Events::codes() const {
  std::string all;
  for (const auto& event : all_) {
    if (event.has("/code")) all += (all.empty() ? "" : " ") + event.text("/code");
  }
  return all;
}

bool Events::any(std::string_view name, std::string_view path, std::string_view value) const {
  for (const auto& event : all_) {
    if (event.name() == name && event.text(path) == value) return true;
  }
  return false;
}

std::vector<std::string> event_complaints(const std::string& text) {
  std::vector<std::string> out;
  if (!text.empty() && !text.ends_with('\n')) out.emplace_back("the last line has no end");
  long seq = 0;
  std::map<std::string, std::vector<std::string>> told;  // id -> its events
  for (const auto& line : lines(text)) {
    const auto complain = [&](const std::string& what) { out.push_back(what + "\n    in " + shown(line)); };
    if (!valid_utf8(line)) complain("is not UTF-8");
    const auto event = ordered_json::parse(line, nullptr, false);
    if (event.is_discarded()) {
      complain("is not JSON");
      continue;
    }
    for (const auto& breach : breaches(schema(), json::parse(line))) complain(breach);
    if (const auto key = misplaced_key(event); !key.empty()) complain("the key \"" + key + "\" is not in its place");
    const long number = event.value("seq", json(0)).is_number() ? event.value("seq", json(0)).get<long>() : 0;
    if (number != seq + 1) complain("seq " + std::to_string(number) + " follows " + std::to_string(seq));
    seq = number;
    if (event.contains("cause") && event["cause"].is_number() && (event["cause"] >= number || event["cause"] < 1))
      complain("the cause is not before its effect");
    if (!event.contains("id") || !event["id"].is_string() || !event.contains("event") || !event["event"].is_string())
      continue;
    // A command that exec brought in has a life of its own.
    auto& before = told[event["id"].get<std::string>() + " " + event.value("exec", "")];
    const auto name = event["event"].get<std::string>();
    const auto seen = [&](const char* what) { return std::find(before.begin(), before.end(), what) != before.end(); };
    if (name == "started" && !seen("starting")) complain("started without starting");
    if (name == "started" && seen("started")) complain("started twice");
    if (name == "exited" && !seen("starting")) complain("exited without starting");
    if (name == "exited" && seen("exited")) complain("exited twice");
    if (seen("exited") && name != "removed" && name != "error" && name != "restarting")
      complain(name + " after exited");
    before.push_back(name);
    if (name == "restarting") before.clear();  // the next run has an order of its own
  }
  return out;
}

void check_events(const std::string& text, std::string_view where) {
  for (const auto& complaint : event_complaints(text)) BOOST_ERROR(where << ": " << complaint);
}

}  // namespace sup::test
