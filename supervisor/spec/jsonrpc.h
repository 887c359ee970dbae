// JSON-RPC 2.0, one message a line: what the control socket speaks before a connection is upgraded to frames.
//
// One hostile line must cost no more than its own length, so what is judged is judged while reading: depth,
// duplicate keys and types are seen before the next byte is. Batches are refused: a client that wants many
// things sends many lines.
//
// An error object's `data` always holds `code`, a stable name for programs, and where a place in the request is
// to blame `pointer` (RFC 6901), such as "/params/name". Source: https://www.jsonrpc.org/specification
#pragma once
#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"

namespace sup {

inline constexpr std::size_t kMaxMessage = std::size_t{1} << 20;   // bytes of a line, without its line end
inline constexpr int kMaxDepth = 64;                               // objects and arrays within each other
inline constexpr std::size_t kMaxId = 256;                         // bytes of an id as JSON: every answer repeats it

// The specification's numbers. kServer: the request was fine and sup could not do it; `data` is the Error.
inline constexpr int kParseError = -32700;
inline constexpr int kInvalidRequest = -32600;
inline constexpr int kMethodNotFound = -32601;
inline constexpr int kInvalidParams = -32602;
inline constexpr int kInternal = -32603;
inline constexpr int kServer = -32000;

struct RpcError {
  int code = kInvalidRequest;
  std::string name;          // stable, data.code: E_RPC_JSON, _UTF8, _NUL, _TOO_LARGE, _DEPTH, _DUPLICATE, _BATCH,
                             // _TYPE, _MISSING, _RANGE, _VERSION, _METHOD, _ANSWER
  std::string message;       // for people, one printable line
  std::string pointer{};     // the place in the request; empty: none in particular
  std::string id = "null";   // of the request, as JSON; null where it could not be told

  // The same for the face: where is "protocol".
  [[nodiscard]] Error error() const;
};
template <typename T>
using Rpc = std::expected<T, RpcError>;

// The members of one JSON object, by name and type. Copies share the value, which nothing changes.
// A member that is null counts as absent. Every error is -32602 with the member's pointer.
class Params {
 public:
  Params();   // no members
  // value: an object. at: its own pointer.
  explicit Params(std::shared_ptr<const nlohmann::json> value, std::string at = "/params");

  [[nodiscard]] bool has(std::string_view name) const;

  // Strings are UTF-8 and hold no NUL: what comes from a message ends in names, paths and arguments.
  [[nodiscard]] Rpc<std::string> get_string(std::string_view name) const;
  [[nodiscard]] Rpc<std::optional<std::string>> find_string(std::string_view name) const;
  [[nodiscard]] Rpc<bool> get_bool(std::string_view name) const;
  [[nodiscard]] Rpc<bool> get_bool(std::string_view name, bool otherwise) const;
  static constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();
  // Whole numbers 0 … most, written without a fraction or exponent.
  [[nodiscard]] Rpc<std::uint64_t> get_uint(std::string_view name, std::uint64_t most = kAny) const;
  [[nodiscard]] Rpc<std::optional<std::uint64_t>> find_uint(std::string_view name, std::uint64_t most = kAny) const;
  [[nodiscard]] Rpc<std::vector<std::string>> get_strings(std::string_view name) const;
  // Absent is an empty list.
  [[nodiscard]] Rpc<std::vector<std::string>> find_strings(std::string_view name) const;
  [[nodiscard]] Rpc<Params> get_object(std::string_view name) const;

  // An error about a member, for what its type does not say: "no such container", "not a signal".
  [[nodiscard]] RpcError wrong(std::string_view name, std::string message, std::string code = "E_RPC_RANGE") const;

  [[nodiscard]] const nlohmann::json& json() const { return *value_; }
  [[nodiscard]] const std::string& pointer() const { return at_; }

 private:
  [[nodiscard]] const nlohmann::json* find(std::string_view name) const;
  [[nodiscard]] Rpc<const nlohmann::json*> get(std::string_view name) const;

  std::shared_ptr<const nlohmann::json> value_;
  std::string at_;
};

// What a client asks. Without an id it is a notification: nothing is answered, not even an error.
struct Request {
  std::string id;       // null, string or number, kept as the JSON it was; empty: a notification
  std::string method;
  Params params;
  [[nodiscard]] bool notification() const { return id.empty(); }
};
// line: without its line end, at most kMaxMessage. Members that are not known are ignored.
[[nodiscard]] Rpc<Request> parse_request(std::string_view line);

// What to answer to a method nobody knows; the nearest of the known ones is named.
[[nodiscard]] RpcError method_not_found(const Request& request, std::span<const std::string_view> known);

// What a supervisor says: the answer to a request, or something that happened.
struct Answer {
  std::string id;                                   // as in the request
  std::shared_ptr<const nlohmann::json> result;     // null: it failed
  int code = 0;                                     // of the failure
  Error error{};                                    // of the failure: the supervisor's own, field by field
  [[nodiscard]] bool failed() const { return result == nullptr; }
};
struct Notification {
  std::string method;
  Params params;
};
using Said = std::variant<Answer, Notification>;
[[nodiscard]] Rpc<Said> parse_said(std::string_view line);

// Lines to send: ASCII, without the line end. Bytes that are not UTF-8 become U+FFFD. id: as Request has it.
// An answer longer than kMaxMessage is replaced by the error E_RPC_TOO_LARGE: who answers lists must cut them.
[[nodiscard]] std::string response_line(std::string_view id, const nlohmann::json& result);
[[nodiscard]] std::string error_line(std::string_view id, int code, std::string_view message,
                                     const nlohmann::json& data);
[[nodiscard]] std::string error_line(const RpcError& error);   // answers to error.id
[[nodiscard]] std::string error_line(std::string_view id, const Error& error);
[[nodiscard]] std::string request_line(std::string_view id, std::string_view method, const nlohmann::json& params);
[[nodiscard]] std::string notification_line(std::string_view method, const nlohmann::json& params);

// pointer + "/" + token, with ~ and / of the token escaped (RFC 6901). A long token is cut: the pointer is for finding
// the place, and goes back to who sent it.
[[nodiscard]] std::string pointer_to(std::string_view pointer, std::string_view token);
[[nodiscard]] std::string pointer_to(std::string_view pointer, std::size_t index);

}  // namespace sup
