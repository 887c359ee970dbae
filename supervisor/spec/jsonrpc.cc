#include "spec/jsonrpc.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"

namespace sup {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxToken = 128;      // bytes of one key in a pointer
constexpr std::size_t kMaxPointer = 1024;   // bytes of a pointer
constexpr std::size_t kMaxShown = 64;       // bytes of a foreign word in a message

std::string shown(std::string_view word) {
  return printable(word.substr(0, kMaxShown)) + (word.size() > kMaxShown ? "…" : "");
}

std::unexpected<RpcError> fail(int code, std::string name, std::string message, std::string pointer = {}) {
  return std::unexpected(
      RpcError{.code = code, .name = std::move(name), .message = std::move(message), .pointer = std::move(pointer)});
}

const char* kind(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null: return "null";
    case Json::value_t::object: return "an object";
    case Json::value_t::array: return "an array";
    case Json::value_t::string: return "a string";
    case Json::value_t::boolean: return "a boolean";
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned: return "a whole number";
    case Json::value_t::number_float: return "a number with a fraction or exponent, or too large";
    case Json::value_t::binary:
    case Json::value_t::discarded: break;
  }
  return "nothing";
}

RpcError type_error(int code, std::string pointer, std::string_view wanted, const Json& value) {
  return {.code = code,
          .name = "E_RPC_TYPE",
          .message = "must be " + std::string(wanted) + ", is " + kind(value),
          .pointer = std::move(pointer)};
}

std::string text_of(const Json& value) { return value.dump(-1, ' ', true, Json::error_handler_t::replace); }

// Builds the value of one message and refuses what nlohmann's own builder lets pass: a key that is there twice (the
// last one would win, silently: two readers of one request could understand different things) and bottomless depth.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  Json root;
  std::optional<RpcError> error;

  bool null() override { return put(Json(nullptr)); }
  bool boolean(bool value) override { return put(Json(value)); }
  bool number_integer(number_integer_t value) override { return put(Json(value)); }
  bool number_unsigned(number_unsigned_t value) override { return put(Json(value)); }
  bool number_float(number_float_t value, const string_t&) override { return put(Json(value)); }
  bool string(string_t& value) override { return put(Json(std::move(value))); }
  bool binary(binary_t&) override { return false; }   // not in JSON
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override {
    if (levels_.empty()) {
      return refuse(kInvalidRequest, "E_RPC_BATCH", "batches are not taken: send one message a line");
    }
    return open(Json::array());
  }
  bool key(string_t& name) override {
    Level& level = levels_.back();
    auto [entry, fresh] = level.container->get_ref<Json::object_t&>().emplace(std::move(name), nullptr);
    level.key = &entry->first;
    level.slot = &entry->second;
    return fresh || refuse(kInvalidRequest, "E_RPC_DUPLICATE", "is there twice", here());
  }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return refuse(kParseError, "E_RPC_JSON", "is not JSON from byte " + std::to_string(position) + " on");
  }

 private:
  struct Level {
    Json* container;
    const std::string* key;   // of the member being read
    Json* slot;               // where its value goes
  };

  bool refuse(int code, const char* name, std::string message, std::string pointer = {}) {
    error = RpcError{.code = code, .name = name, .message = std::move(message), .pointer = std::move(pointer)};
    return false;
  }
  Json* place(Json&& value) {
    if (levels_.empty()) {
      root = std::move(value);
      return &root;
    }
    Level& level = levels_.back();
    if (level.container->is_array()) {
      auto& items = level.container->get_ref<Json::array_t&>();
      items.push_back(std::move(value));
      return &items.back();
    }
    *level.slot = std::move(value);
    return level.slot;
  }
  bool put(Json&& value) {
    if (levels_.empty())
      return refuse(kInvalidRequest, "E_RPC_TYPE", std::string("a message must be an object, is ") + kind(value));
    place(std::move(value));
    return true;
  }
  bool open(Json&& value) {
    if (levels_.size() == kMaxDepth) {
      return refuse(kInvalidRequest, "E_RPC_DEPTH", "is deeper than " + std::to_string(kMaxDepth) + " levels", here());
    }
    // A parent's items move only when the next one is added, after this one is closed.
    levels_.push_back({place(std::move(value)), nullptr, nullptr});
    return true;
  }
  bool close() {
    levels_.pop_back();
    return true;
  }
  [[nodiscard]] std::string here() const {
    std::string at;
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      const Level& level = levels_[i];
      if (level.container->is_object()) {
        at = pointer_to(at, *level.key);
      } else {
        // The one being read: already there when a level stands inside it.
        const std::size_t size = level.container->size();
        at = pointer_to(at, i + 1 < levels_.size() ? size - 1 : size);
      }
    }
    return at;
  }

  std::vector<Level> levels_;
};

bool scalar_id(const Json& id) { return id.is_null() || id.is_string() || id.is_number(); }

// Whose request was it? Told also where the rest is wrong, so that the client can match the error.
std::string id_of(const Json& root) {
  if (!root.is_object()) return "null";
  const auto id = root.find("id");
  if (id == root.end() || !scalar_id(*id)) return "null";
  std::string text = text_of(*id);
  return text.size() <= kMaxId ? text : "null";
}

Rpc<Json> parse(std::string_view line) {
  if (line.size() > kMaxMessage) {
    return fail(kInvalidRequest, "E_RPC_TOO_LARGE", "a message is at most " + std::to_string(kMaxMessage) + " bytes");
  }
  // nlohmann's lexer takes a NUL for the end of the input and would not see what follows it.
  if (const auto at = line.find('\0'); at != std::string_view::npos) {
    return fail(kParseError, "E_RPC_NUL", "byte " + std::to_string(at + 1) + " is NUL");
  }
  if (!is_utf8(line)) return fail(kParseError, "E_RPC_UTF8", "is not UTF-8");
  Builder builder;
  if (!Json::sax_parse(line.begin(), line.end(), &builder)) {
    RpcError error =
        builder.error.value_or(RpcError{.code = kParseError, .name = "E_RPC_JSON", .message = "is not JSON"});
    if (error.code != kParseError && error.pointer != "/id") error.id = id_of(builder.root);
    return std::unexpected(std::move(error));
  }
  return std::move(builder.root);
}

std::optional<RpcError> wrong_version(const Json& root) {
  const auto version = root.find("jsonrpc");
  if (version != root.end() && version->is_string() && version->get_ref<const std::string&>() == "2.0")
    return std::nullopt;
  return RpcError{
      .code = kInvalidRequest, .name = "E_RPC_VERSION", .message = "must be \"2.0\"", .pointer = "/jsonrpc"};
}

Rpc<std::string> method_of(const Json& root) {
  const auto method = root.find("method");
  if (method == root.end()) return fail(kInvalidRequest, "E_RPC_MISSING", "a request names its method", "/method");
  if (!method->is_string()) return std::unexpected(type_error(kInvalidRequest, "/method", "a string", *method));
  return method->get<std::string>();
}

// Takes the params out of the message.
Rpc<Params> params_of(Json& root) {
  const auto params = root.find("params");
  if (params == root.end()) return Params();
  // By position nobody could add a parameter later.
  if (!params->is_object())
    return std::unexpected(type_error(kInvalidParams, "/params", "an object, its members by name", *params));
  return Params(std::make_shared<const Json>(std::move(*params)));
}

std::string text(const Json& data, const char* name) {
  const auto member = data.find(name);
  return member != data.end() && member->is_string() ? member->get<std::string>() : std::string();
}
int number(const Json& data, const char* name, int otherwise) {
  const auto member = data.find(name);
  if (member == data.end() || !member->is_number_unsigned()) return otherwise;
  const auto value = member->get<std::uint64_t>();
  return value <= 4095 ? static_cast<int>(value) : otherwise;   // an errno or a status
}

Rpc<Answer> failure(std::string id, const Json& object) {
  if (!object.is_object()) return std::unexpected(type_error(kInvalidRequest, "/error", "an object", object));
  const auto code = object.find("code");
  if (code == object.end() || !code->is_number_integer())
    return fail(kInvalidRequest, "E_RPC_ANSWER", "must be a whole number", "/error/code");
  Answer answer{.id = std::move(id), .result = nullptr, .code = static_cast<int>(code->get<std::int64_t>())};
  Error& error = answer.error;
  const std::string message = text(object, "message");
  const auto data = object.find("data");
  if (data != object.end() && data->is_object()) {
    error = {.code = text(*data, "code"),
             .where = text(*data, "where"),
             .what = text(*data, "what"),
             .err = number(*data, "errno", 0)};
    error.why = text(*data, "why");
    error.hint = text(*data, "hint");
    error.path = text(*data, "path");
    error.stage = text(*data, "stage");
    error.status = number(*data, "status", 125);
    if (error.what.empty()) error.what = text(*data, "pointer");
  }
  if (error.code.empty()) error.code = "E_RPC";
  if (error.why.empty() && error.err == 0) error.why = message;
  return answer;
}

// Members in the order a person wants to read them; params and data are rendered once.
std::string message_line(std::initializer_list<std::pair<std::string_view, std::string_view>> members) {
  std::string line = R"({"jsonrpc":"2.0")";
  for (const auto& [name, value] : members) line.append(",\"").append(name).append("\":").append(value);
  line += '}';
  return line;
}

}  // namespace

Error RpcError::error() const { return {.code = name, .where = "protocol", .what = pointer, .err = 0, .why = message}; }

std::string pointer_to(std::string_view pointer, std::string_view token) {
  std::string out(pointer);
  if (out.size() >= kMaxPointer) return out;
  out += '/';
  std::size_t used = 0;
  while (used < token.size()) {
    const Utf8 c = next_utf8(token.substr(used));
    if (used + c.length > kMaxToken) {
      out += "…";
      break;
    }
    if (token[used] == '~')
      out += "~0";
    else if (token[used] == '/')
      out += "~1";
    else
      out.append(token.substr(used, c.length));
    used += c.length;
  }
  return out;
}
std::string pointer_to(std::string_view pointer, std::size_t index) {
  return pointer_to(pointer, std::to_string(index));
}

Params::Params() : Params(std::make_shared<const Json>(Json::object())) {}
Params::Params(std::shared_ptr<const Json> value, std::string at) : value_(std::move(value)), at_(std::move(at)) {}

const Json* Params::find(std::string_view name) const {
  const auto& members = value_->get_ref<const Json::object_t&>();
  const auto member = members.find(name);
  return member == members.end() || member->second.is_null() ? nullptr : &member->second;
}

Rpc<const Json*> Params::get(std::string_view name) const {
  if (const Json* value = find(name)) return value;
  return std::unexpected(RpcError{
      .code = kInvalidParams, .name = "E_RPC_MISSING", .message = "is missing", .pointer = pointer_to(at_, name)});
}

RpcError Params::wrong(std::string_view name, std::string message, std::string code) const {
  return {
      .code = kInvalidParams, .name = std::move(code), .message = std::move(message), .pointer = pointer_to(at_, name)};
}

bool Params::has(std::string_view name) const { return find(name) != nullptr; }

Rpc<std::string> Params::get_string(std::string_view name) const {
  const auto value = get(name);
  if (!value) return std::unexpected(value.error());
  if (!(*value)->is_string())
    return std::unexpected(type_error(kInvalidParams, pointer_to(at_, name), "a string", **value));
  const auto& string = (*value)->get_ref<const std::string&>();
  if (string.find('\0') != std::string::npos) return std::unexpected(wrong(name, "must not hold a NUL", "E_RPC_NUL"));
  return string;
}

Rpc<std::optional<std::string>> Params::find_string(std::string_view name) const {
  if (!has(name)) return std::nullopt;
  return get_string(name);
}

Rpc<bool> Params::get_bool(std::string_view name) const {
  const auto value = get(name);
  if (!value) return std::unexpected(value.error());
  if (!(*value)->is_boolean())
    return std::unexpected(type_error(kInvalidParams, pointer_to(at_, name), "true or false", **value));
  return (*value)->get<bool>();
}

Rpc<bool> Params::get_bool(std::string_view name, bool otherwise) const {
  if (!has(name)) return otherwise;
  return get_bool(name);
}

Rpc<std::uint64_t> Params::get_uint(std::string_view name, std::uint64_t most) const {
  const auto value = get(name);
  if (!value) return std::unexpected(value.error());
  if (!(*value)->is_number_integer())
    return std::unexpected(type_error(kInvalidParams, pointer_to(at_, name), "a whole number", **value));
  if (!(*value)->is_number_unsigned() || (*value)->get<std::uint64_t>() > most) {
    return std::unexpected(wrong(name, "must be from 0 to " + std::to_string(most)));
  }
  return (*value)->get<std::uint64_t>();
}

Rpc<std::optional<std::uint64_t>> Params::find_uint(std::string_view name, std::uint64_t most) const {
  if (!has(name)) return std::nullopt;
  return get_uint(name, most);
}

Rpc<std::vector<std::string>> Params::get_strings(std::string_view name) const {
  const auto value = get(name);
  if (!value) return std::unexpected(value.error());
  const std::string at = pointer_to(at_, name);
  if (!(*value)->is_array()) return std::unexpected(type_error(kInvalidParams, at, "an array of strings", **value));
  std::vector<std::string> out;
  out.reserve((*value)->size());
  for (const Json& item : **value) {
    if (!item.is_string())
      return std::unexpected(type_error(kInvalidParams, pointer_to(at, out.size()), "a string", item));
    const auto& string = item.get_ref<const std::string&>();
    if (string.find('\0') != std::string::npos) {
      return fail(kInvalidParams, "E_RPC_NUL", "must not hold a NUL", pointer_to(at, out.size()));
    }
    out.push_back(string);
  }
  return out;
}

Rpc<std::vector<std::string>> Params::find_strings(std::string_view name) const {
  if (!has(name)) return std::vector<std::string>();
  return get_strings(name);
}

Rpc<Params> Params::get_object(std::string_view name) const {
  const auto value = get(name);
  if (!value) return std::unexpected(value.error());
  if (!(*value)->is_object())
    return std::unexpected(type_error(kInvalidParams, pointer_to(at_, name), "an object", **value));
  return Params(std::shared_ptr<const Json>(value_, *value), pointer_to(at_, name));   // shares the owner
}

Rpc<Request> parse_request(std::string_view line) {
  auto root = parse(line);
  if (!root) return std::unexpected(root.error());
  Request request;
  const auto refused = [&](RpcError error) {
    error.id = id_of(*root);
    return std::unexpected(std::move(error));
  };
  if (const auto id = root->find("id"); id != root->end()) {
    if (!scalar_id(*id)) return refused(type_error(kInvalidRequest, "/id", "null, a string or a number", *id));
    request.id = text_of(*id);
    if (request.id.size() > kMaxId) {
      return refused({.code = kInvalidRequest,
                      .name = "E_RPC_RANGE",
                      .message = "is longer than " + std::to_string(kMaxId) + " bytes",
                      .pointer = "/id"});
    }
  }
  if (auto error = wrong_version(*root)) return refused(std::move(*error));
  auto method = method_of(*root);
  if (!method) return refused(std::move(method.error()));
  request.method = std::move(*method);
  auto params = params_of(*root);
  if (!params) return refused(std::move(params.error()));
  request.params = std::move(*params);
  return request;
}

RpcError method_not_found(const Request& request, std::span<const std::string_view> known) {
  std::string message = "no method '" + shown(request.method) + "'";
  if (const auto near = nearest(request.method, known)) message += ", did you mean '" + std::string(*near) + "'?";
  RpcError error{.code = kMethodNotFound, .name = "E_RPC_METHOD", .message = std::move(message), .pointer = "/method"};
  if (!request.notification()) error.id = request.id;
  return error;
}

Rpc<Said> parse_said(std::string_view line) {
  auto root = parse(line);
  if (!root) return std::unexpected(root.error());
  if (auto error = wrong_version(*root)) return std::unexpected(std::move(*error));
  if (root->contains("method")) {
    auto method = method_of(*root);
    if (!method) return std::unexpected(method.error());
    auto params = params_of(*root);
    if (!params) return std::unexpected(params.error());
    return Notification{std::move(*method), std::move(*params)};
  }
  const auto id = root->find("id");
  if (id == root->end() || !scalar_id(*id))
    return fail(kInvalidRequest, "E_RPC_ANSWER", "an answer says what it answers", "/id");
  const auto result = root->find("result");
  const auto error = root->find("error");
  if ((result == root->end()) == (error == root->end())) {
    return fail(kInvalidRequest, "E_RPC_ANSWER", "an answer has either a result or an error");
  }
  if (error != root->end()) {
    auto answer = failure(text_of(*id), *error);
    if (!answer) return std::unexpected(answer.error());
    return std::move(*answer);
  }
  return Answer{.id = text_of(*id), .result = std::make_shared<const Json>(std::move(*result))};
}

std::string response_line(std::string_view id, const Json& result) {
  std::string line = message_line({{"id", id}, {"result", text_of(result)}});
  if (line.size() <= kMaxMessage) return line;
  RpcError error{.code = kInternal,
                 .name = "E_RPC_TOO_LARGE",
                 .message = "the answer is longer than a message may be; ask for less"};
  error.id = id;
  return error_line(error);
}

std::string error_line(std::string_view id, int code, std::string_view message, const Json& data) {
  const std::string error = R"({"code":)" + std::to_string(code) + R"(,"message":)" +
                            text_of(Json(std::string(message))) + R"(,"data":)" + text_of(data) + '}';
  return message_line({{"id", id}, {"error", error}});
}

std::string error_line(const RpcError& error) {
  Json data = {{"code", error.name}};
  if (!error.pointer.empty()) data["pointer"] = error.pointer;
  return error_line(error.id, error.code, error.message, data);
}

std::string error_line(std::string_view id, const Error& error) {
  constexpr std::size_t kMost = 4096;   // a name that fills a message must not make an answer that does not fit
  Json data = {{"code", error.code}, {"status", error.status}};
  if (error.err != 0) data["errno"] = error.err;
  const std::pair<const char*, const std::string*> texts[] = {{"where", &error.where}, {"what", &error.what},
                                                              {"why", &error.why},     {"hint", &error.hint},
                                                              {"path", &error.path},   {"stage", &error.stage}};
  for (const auto& [name, value] : texts) {
    if (!value->empty()) data[name] = value->substr(0, kMost);
  }
  return error_line(id, kServer, error.line().substr(0, kMost), data);
}

std::string request_line(std::string_view id, std::string_view method, const Json& params) {
  return message_line({{"id", id}, {"method", text_of(Json(std::string(method)))}, {"params", text_of(params)}});
}

std::string notification_line(std::string_view method, const Json& params) {
  return message_line({{"method", text_of(Json(std::string(method)))}, {"params", text_of(params)}});
}

}  // namespace sup
