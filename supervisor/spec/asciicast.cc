#include "spec/asciicast.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace sup {
namespace {

using Json = nlohmann::json;

constexpr double kMaxSeconds = 1e9;   // 30 years; nanoseconds in 64 bits hold 290

// A JSON string of valid UTF-8. By hand: this is the recorder's hot path, and a DOM for each read is not.
void append_quoted(std::string& out, std::string_view utf8) {
  out += '"';
  for (const char c : utf8) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (byte < 0x20 || byte == 0x7F) {
          static constexpr char kHex[] = "0123456789abcdef";
          out += "\\u00";
          out += kHex[byte >> 4];
          out += kHex[byte & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

std::string json_string(std::string_view bytes) {
  std::string out;
  append_quoted(out, to_utf8(bytes));
  return out;
}

// How many bytes at the end are the valid beginning of a character that goes on in the next read.
std::size_t cut_off(std::string_view bytes) {
  const std::size_t most = std::min<std::size_t>(3, bytes.size());
  for (std::size_t n = most; n > 0; --n) {
    const std::string_view tail = bytes.substr(bytes.size() - n);
    const auto first = static_cast<unsigned char>(tail[0]);
    const std::size_t needs = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 1;
    const Utf8 c = next_utf8(tail);
    // All n bytes are one broken sequence, and it is only broken because it ends too early.
    if (!c.valid && c.length == n && n < needs && first <= 0xF4) return n;
  }
  return 0;
}

std::optional<int> dimension(const Json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end() || !it->is_number_integer()) return std::nullopt;
  const auto value = it->get<std::int64_t>();
  if (value < 0 || value > 65535) return std::nullopt;   // winsize's fields are 16 bits
  return static_cast<int>(value);
}

std::string text_of(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

}  // namespace

std::string CastWriter::header(const CastHeader& header) {
  std::string out =
      R"({"version":3,"term":{"cols":)" + std::to_string(header.cols) + ",\"rows\":" + std::to_string(header.rows);
  if (!header.term.empty()) out += ",\"type\":" + json_string(header.term);
  out += '}';
  if (header.timestamp) out += ",\"timestamp\":" + std::to_string(*header.timestamp);
  if (!header.command.empty()) out += ",\"command\":" + json_string(header.command);
  if (!header.title.empty()) out += ",\"title\":" + json_string(header.title);
  if (!header.env.empty()) {
    out += ",\"env\":{";
    for (bool first = true; const auto& [key, value] : header.env) {
      if (!std::exchange(first, false)) out += ',';
      out += json_string(key) + ':' + json_string(value);
    }
    out += '}';
  }
  return out + "}\n";
}

std::string CastWriter::event(std::chrono::nanoseconds at, char code, std::string_view utf8) {
  // Half up, as integers: a double of seconds would lose the microseconds of a recording of some months.
  const std::int64_t us = std::max(last_us_, (at.count() + 500) / 1000);
  const std::int64_t interval = us - last_us_;
  last_us_ = us;
  const std::string micros = std::to_string(interval % 1'000'000);
  std::string out =
      "[" + std::to_string(interval / 1'000'000) + '.' + std::string(6 - micros.size(), '0') + micros + ", \"";
  out += code;
  out += "\", ";
  append_quoted(out, utf8);
  return out += "]\n";
}

std::string CastWriter::output(std::chrono::nanoseconds at, std::string_view bytes) {
  if (bytes.empty()) return {};
  std::string joined;
  if (!carry_.empty()) {
    joined = carry_;
    joined += bytes;
    bytes = joined;
  }
  const std::size_t cut = cut_off(bytes);
  const std::string_view whole = bytes.substr(0, bytes.size() - cut);
  std::string out;
  if (!whole.empty()) out = is_utf8(whole) ? event(at, 'o', whole) : event(at, 'o', to_utf8(whole));
  carry_ = std::string(bytes.substr(bytes.size() - cut));
  return out;
}

std::string CastWriter::resize(std::chrono::nanoseconds at, int cols, int rows) {
  return event(at, 'r', std::to_string(cols) + 'x' + std::to_string(rows));
}

std::string CastWriter::marker(std::chrono::nanoseconds at, std::string_view label) {
  return event(at, 'm', to_utf8(label));
}

std::string CastWriter::flush(std::chrono::nanoseconds at) {
  if (carry_.empty()) return {};
  return event(at, 'o', to_utf8(std::exchange(carry_, {})));
}

std::string CastWriter::exit(std::chrono::nanoseconds at, int status) {
  std::string out = flush(at);
  return out += event(at, 'x', std::to_string(status));
}

std::unexpected<Error> CastReader::wrong(std::string why, std::string hint) const {
  return std::unexpected(Error{.code = "E_CAST",
                               .where = "recording",
                               .what = "line " + std::to_string(number_),
                               .why = std::move(why),
                               .hint = std::move(hint)});
}

Result<void> CastReader::read_header(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object())
    return wrong("is not the header of an asciicast", "record one with: sup run -ti --record FILE COMMAND");
  const auto version = json.find("version");
  if (version == json.end() || !version->is_number_integer()) return wrong("the header has no version");
  const auto number = version->get<std::int64_t>();
  if (number != 2 && number != 3)
    return wrong("asciicast version " + std::to_string(number) + " is not known, only 2 and 3 are");
  const auto term = json.find("term");
  const bool nested = number == 3 && term != json.end() && term->is_object();
  if (number == 3 && !nested) return wrong("the header has no \"term\"");
  const auto cols = nested ? dimension(*term, "cols") : dimension(json, "width");
  const auto rows = nested ? dimension(*term, "rows") : dimension(json, "height");
  if (!cols || !rows)
    return wrong(nested ? "\"term\" has no \"cols\" and \"rows\"" : "the header has no \"width\" and \"height\"");
  CastHeader header;
  header.cols = *cols;
  header.rows = *rows;
  if (nested) header.term = text_of(*term, "type");
  // v2 wrote whole seconds, some recorders a fraction.
  if (const auto t = json.find("timestamp"); t != json.end() && t->is_number()) {
    const double seconds = t->get<double>();
    if (std::abs(seconds) < 1e15) header.timestamp = static_cast<std::int64_t>(seconds);
  }
  header.command = text_of(json, "command");
  header.title = text_of(json, "title");
  if (const auto env = json.find("env"); env != json.end() && env->is_object()) {
    for (const auto& [key, value] : env->items()) {
      if (value.is_string()) header.env.emplace_back(key, value.get<std::string>());
      if (number == 2 && key == "TERM" && value.is_string()) header.term = value.get<std::string>();
    }
  }
  header_ = std::move(header);
  version_ = static_cast<int>(number);
  return {};
}

Result<std::optional<CastEvent>> CastReader::line(std::string_view text) {
  ++number_;
  if (text.ends_with('\r')) text.remove_suffix(1);   // a file that went through another system's editor
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos || text[first] == '#') return std::nullopt;
  if (version_ == 0) {
    if (auto read = read_header(text); !read) return std::unexpected(read.error());
    return std::nullopt;
  }
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return wrong("is not valid JSON");
  if (!json.is_array() || json.size() < 3) return wrong("is not an event: [TIME, CODE, DATA] is expected");
  if (!json[0].is_number()) return wrong("the time is not a number");
  const double seconds = json[0].get<double>();
  if (!(seconds >= 0 && seconds <= kMaxSeconds)) return wrong("the time is out of range");
  if (!json[1].is_string()) return wrong("the event's code is not a string");
  const std::chrono::nanoseconds time(std::llround(seconds * 1e9));
  const std::chrono::nanoseconds at = version_ == 3 ? at_ + time : std::max(at_, time);
  if (at.count() > static_cast<std::int64_t>(kMaxSeconds * 1e9)) return wrong("the time is out of range");
  at_ = at;   // also for events that nobody knows: they take their time all the same
  const auto code = json[1].get<std::string>();
  if (code.size() != 1 || std::string_view("orxmi").find(code[0]) == std::string_view::npos) return std::nullopt;
  if (code[0] == 'x' && json[2].is_number_integer()) {
    return CastEvent{at, 'x', std::to_string(json[2].get<std::int64_t>())};
  }
  if (!json[2].is_string()) return wrong("the event's data is not a string");
  return CastEvent{at, code[0], json[2].get<std::string>()};
}

}  // namespace sup
