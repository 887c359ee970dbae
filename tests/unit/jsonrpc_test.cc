// The control protocol's messages: what is taken, what is refused and with which words.
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "spec/jsonrpc.h"

using namespace sup;
using namespace std::string_literals;
using Json = nlohmann::json;

namespace {

RpcError refused(std::string_view line) {
  const auto request = parse_request(line);
  BOOST_REQUIRE_MESSAGE(!request, "taken: " << line.substr(0, 200));
  return request.error();
}

std::string params(std::string_view members) {
  return R"({"jsonrpc":"2.0","id":1,"method":"run","params":)" + std::string(members) + "}";
}

Params taken(std::string_view members) {
  auto request = parse_request(params(members));
  BOOST_REQUIRE(request.has_value());
  return request->params;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(jsonrpc)

BOOST_AUTO_TEST_CASE(a_request_is_read) {
  const auto request =
      parse_request(R"( {"jsonrpc":"2.0","id":7,"method":"stop","params":{"name":"web","t":3},"later":[1]} )");
  BOOST_REQUIRE(request.has_value());
  BOOST_TEST(request->id == "7");
  BOOST_TEST(request->method == "stop");
  BOOST_TEST(!request->notification());
  BOOST_TEST(request->params.get_string("name").value() == "web");
  BOOST_TEST(request->params.get_uint("t").value() == 3U);
}

BOOST_AUTO_TEST_CASE(ids_stay_what_they_were) {
  for (const char* id : {"null", "0", "-5", "18446744073709551615", "1.5", R"("a\"b")", R"("\u00e4")"}) {
    const auto request = parse_request(R"({"jsonrpc":"2.0","method":"ps","id":)" + std::string(id) + "}");
    BOOST_REQUIRE(request.has_value());
    BOOST_TEST(request->id == id);
    BOOST_TEST(!request->notification());
  }
  BOOST_TEST(parse_request(R"({"jsonrpc":"2.0","method":"ps"})")->notification());
  for (const char* id : {"[]", "{}", "true"}) {
    const auto error = refused(R"({"jsonrpc":"2.0","method":"ps","id":)" + std::string(id) + "}");
    BOOST_TEST(error.code == kInvalidRequest);
    BOOST_TEST(error.pointer == "/id");
    BOOST_TEST(error.id == "null");
  }
  const auto error = refused(R"({"jsonrpc":"2.0","method":"ps","id":")" + std::string(kMaxId, 'x') + "\"}");
  BOOST_TEST(error.name == "E_RPC_RANGE");
  BOOST_TEST(error.id == "null");
}

BOOST_AUTO_TEST_CASE(what_is_no_request) {
  struct Case {
    std::string line;
    int code;
    const char* name;
    const char* pointer;
    const char* id;
  };
  const Case cases[] = {
      {"", kParseError, "E_RPC_JSON", "", "null"},
      {"{", kParseError, "E_RPC_JSON", "", "null"},
      {R"({"jsonrpc":"2.0","id":1,"method":"ps"}x)", kParseError, "E_RPC_JSON", "", "null"},
      {R"({"jsonrpc":"2.0","id":1,"method":"ps",})", kParseError, "E_RPC_JSON", "", "null"},
      {R"({"jsonrpc":"2.0","id":1e999,"method":"ps"})", kParseError, "E_RPC_JSON", "", "null"},
      {R"({"jsonrpc":"2.0","id":1,"method":"\ud800"})", kParseError, "E_RPC_JSON", "", "null"},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", kParseError, "E_RPC_UTF8", "", "null"},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ps\"}\0{}"s, kParseError, "E_RPC_NUL", "", "null"},
      {R"([{"jsonrpc":"2.0","id":1,"method":"ps"}])", kInvalidRequest, "E_RPC_BATCH", "", "null"},
      {"[]", kInvalidRequest, "E_RPC_BATCH", "", "null"},
      {"3", kInvalidRequest, "E_RPC_TYPE", "", "null"},
      {"\"x\"", kInvalidRequest, "E_RPC_TYPE", "", "null"},
      {R"({"id":1,"method":"ps"})", kInvalidRequest, "E_RPC_VERSION", "/jsonrpc", "1"},
      {R"({"jsonrpc":2.0,"id":1,"method":"ps"})", kInvalidRequest, "E_RPC_VERSION", "/jsonrpc", "1"},
      {R"({"jsonrpc":"1.0","id":1,"method":"ps"})", kInvalidRequest, "E_RPC_VERSION", "/jsonrpc", "1"},
      {R"({"jsonrpc":"2.0","id":1})", kInvalidRequest, "E_RPC_MISSING", "/method", "1"},
      {R"({"jsonrpc":"2.0","id":1,"method":3})", kInvalidRequest, "E_RPC_TYPE", "/method", "1"},
      {R"({"jsonrpc":"2.0","id":1,"method":"ps","params":[1]})", kInvalidParams, "E_RPC_TYPE", "/params", "1"},
      {R"({"jsonrpc":"2.0","id":1,"method":"ps","params":null})", kInvalidParams, "E_RPC_TYPE", "/params", "1"},
      {R"({"jsonrpc":"2.0","id":1,"method":"ps","id":2})", kInvalidRequest, "E_RPC_DUPLICATE", "/id", "null"},
      {R"({"jsonrpc":"2.0","id":1,"method":"ps","method":"rm"})", kInvalidRequest, "E_RPC_DUPLICATE", "/method", "1"},
      {params(R"({"a/b":[0,{"c~":1,"c~":2}]})"), kInvalidRequest, "E_RPC_DUPLICATE", "/params/a~1b/1/c~0", "1"},
      {params(R"({"a":1,"\u0061":2})"), kInvalidRequest, "E_RPC_DUPLICATE", "/params/a", "1"},
  };
  for (const Case& c : cases) {
    const auto error = refused(c.line);
    BOOST_TEST_CONTEXT(c.line) {
      BOOST_TEST(error.code == c.code);
      BOOST_TEST(error.name == c.name);
      BOOST_TEST(error.pointer == c.pointer);
      BOOST_TEST(error.id == c.id);
      BOOST_TEST(!error.message.empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(depth_is_bounded) {
  // The message and params are two levels; the rest here.
  const auto nested = [](std::size_t n) { return params("{\"a\":" + std::string(n, '[') + std::string(n, ']') + "}"); };
  BOOST_TEST(parse_request(nested(kMaxDepth - 2)).has_value());
  const auto error = refused(nested(kMaxDepth - 1));
  BOOST_TEST(error.name == "E_RPC_DEPTH");
  BOOST_TEST(error.code == kInvalidRequest);
  BOOST_TEST(error.pointer.starts_with("/params/a/0/0/"));
  BOOST_TEST(error.id == "1");
  BOOST_TEST(refused(params("{\"a\":" + std::string(500'000, '[') + "}")).name == "E_RPC_DEPTH");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"k\":";
  BOOST_TEST(refused(objects).name == "E_RPC_DEPTH");
}

BOOST_AUTO_TEST_CASE(length_is_bounded) {
  std::string line = params("{\"a\":\"\"}");
  line.insert(line.size() - 3, kMaxMessage - line.size(), 'x');
  BOOST_TEST(line.size() == kMaxMessage);
  BOOST_TEST(parse_request(line).has_value());
  line += ' ';
  BOOST_TEST(refused(line).name == "E_RPC_TOO_LARGE");
}

BOOST_AUTO_TEST_CASE(pointers_stay_short) {
  const std::string key(5000, 'k');
  const auto error = refused(params("{\"" + key + "\":1,\"" + key + "\":1}"));
  BOOST_TEST(error.pointer.size() < 200U);
  BOOST_TEST(error.pointer.starts_with("/params/kkk"));
  std::string deep;
  for (int i = 0; i < 60; ++i) deep += "{\"" + std::string(100, 'd') + "\":";
  deep += "{\"x\":1,\"x\":1}" + std::string(60, '}');
  BOOST_TEST(refused(params(deep)).pointer.size() < 1300U);
}

BOOST_AUTO_TEST_CASE(params_by_type) {
  const Params p = taken(
      R"({"s":"text","b":true,"u":5,"l":["a","b"],"o":{"in":"x"},"n":null,"neg":-1,"f":1.0,"nul":"a\u0000b","mixed":["a",1],"big":18446744073709551616})");
  BOOST_TEST(p.has("s"));
  BOOST_TEST(!p.has("n"));
  BOOST_TEST(!p.has("absent"));
  BOOST_TEST(p.get_string("s").value() == "text");
  BOOST_TEST((p.find_string("s").value() == "text"));
  BOOST_TEST((p.find_string("n").value() == std::nullopt));
  BOOST_TEST(p.get_bool("b").value());
  BOOST_TEST(p.get_bool("absent", true).value());
  BOOST_TEST(p.get_uint("u", 5).value() == 5U);
  BOOST_TEST((p.find_uint("absent").value() == std::nullopt));
  BOOST_TEST(p.get_strings("l").value().size() == 2U);
  BOOST_TEST(p.find_strings("absent").value().empty());
  BOOST_TEST(p.get_object("o")->get_string("in").value() == "x");

  const auto expect = [](const RpcError& error, const char* name, const char* pointer) {
    BOOST_TEST(error.code == kInvalidParams);
    BOOST_TEST(error.name == name);
    BOOST_TEST(error.pointer == pointer);
  };
  expect(p.get_string("absent").error(), "E_RPC_MISSING", "/params/absent");
  expect(p.get_string("n").error(), "E_RPC_MISSING", "/params/n");
  expect(p.get_string("u").error(), "E_RPC_TYPE", "/params/u");
  expect(p.find_string("u").error(), "E_RPC_TYPE", "/params/u");
  expect(p.get_string("nul").error(), "E_RPC_NUL", "/params/nul");
  expect(p.get_bool("s").error(), "E_RPC_TYPE", "/params/s");
  expect(p.get_bool("s", true).error(), "E_RPC_TYPE", "/params/s");
  expect(p.get_uint("u", 4).error(), "E_RPC_RANGE", "/params/u");
  expect(p.get_uint("neg").error(), "E_RPC_RANGE", "/params/neg");
  expect(p.get_uint("f").error(), "E_RPC_TYPE", "/params/f");
  expect(p.get_uint("big").error(), "E_RPC_TYPE", "/params/big");
  expect(p.get_strings("s").error(), "E_RPC_TYPE", "/params/s");
  expect(p.get_strings("mixed").error(), "E_RPC_TYPE", "/params/mixed/1");
  expect(p.get_object("s").error(), "E_RPC_TYPE", "/params/s");
  expect(p.get_object("o")->get_string("no").error(), "E_RPC_MISSING", "/params/o/no");
  BOOST_TEST(p.get_string("u").error().message == "must be a string, is a whole number");
}

BOOST_AUTO_TEST_CASE(a_sub_object_outlives_its_message) {
  std::optional<Params> inner;
  {
    inner = taken(R"({"o":{"name":"still here, and longer than a short string"}})").get_object("o").value();
  }
  BOOST_TEST(inner->get_string("name").value() == "still here, and longer than a short string");
}

BOOST_AUTO_TEST_CASE(an_unknown_method_names_the_near_one) {
  const std::string_view known[] = {"ps", "stop", "attach"};
  const auto request = parse_request(R"({"jsonrpc":"2.0","id":"x","method":"atach"})");
  const auto error = method_not_found(*request, known);
  BOOST_TEST(error.code == kMethodNotFound);
  BOOST_TEST(error.id == "\"x\"");
  BOOST_TEST(error.message == "no method 'atach', did you mean 'attach'?");
  const auto evil = parse_request(R"({"jsonrpc":"2.0","method":"\u001b]0;x\u0007"})");
  BOOST_TEST(method_not_found(*evil, known).message.find('\x1b') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(lines_are_read_back) {
  const auto request = parse_request(request_line("3", "run", {{"name", "web"}}));
  BOOST_REQUIRE(request.has_value());
  BOOST_TEST(request->id == "3");
  BOOST_TEST(request->params.get_string("name").value() == "web");

  auto said = parse_said(response_line("\"a\"", {{"ok", true}}));
  BOOST_REQUIRE(said.has_value());
  const auto& answer = std::get<Answer>(*said);
  BOOST_TEST(answer.id == "\"a\"");
  BOOST_TEST(!answer.failed());
  BOOST_TEST(answer.result->at("ok") == true);

  said = parse_said(notification_line("event", {{"seq", 9}}));
  BOOST_REQUIRE(said.has_value());
  BOOST_TEST(std::get<Notification>(*said).method == "event");
  BOOST_TEST(std::get<Notification>(*said).params.get_uint("seq").value() == 9U);

  said = parse_said(response_line("1", nullptr));   // a result may be null
  BOOST_REQUIRE(said.has_value());
  BOOST_TEST(!std::get<Answer>(*said).failed());
}

BOOST_AUTO_TEST_CASE(an_error_crosses_whole) {
  const Error error{.code = "E_EXEC",
                    .where = "exec",
                    .what = "/bin/no\"pe\n\xff",
                    .err = 2,
                    .why = {},
                    .hint = "look",
                    .path = "/bin",
                    .status = 127,
                    .stage = "exec"};
  const std::string line = error_line("5", error);
  for (const char c : line) BOOST_REQUIRE(c >= 0x20 && c < 0x7f);
  const auto said = parse_said(line);
  BOOST_REQUIRE(said.has_value());
  const auto& answer = std::get<Answer>(*said);
  BOOST_TEST(answer.failed());
  BOOST_TEST(answer.code == kServer);
  BOOST_TEST(answer.error.code == "E_EXEC");
  BOOST_TEST(answer.error.err == 2);
  BOOST_TEST(answer.error.status == 127);
  BOOST_TEST(answer.error.stage == "exec");
  BOOST_TEST(answer.error.line() == "exec: /bin/no\"pe\\x0a\xEF\xBF\xBD: No such file or directory; look");

  const auto rpc = parse_said(error_line(refused(params(R"({"a":1,"a":2})"))));
  const auto& second = std::get<Answer>(*rpc);
  BOOST_TEST(second.id == "1");
  BOOST_TEST(second.code == kInvalidRequest);
  BOOST_TEST(second.error.code == "E_RPC_DUPLICATE");
  BOOST_TEST(second.error.line() == "/params/a: is there twice");
}

BOOST_AUTO_TEST_CASE(foreign_answers_are_judged) {
  for (const char* line :
       {R"({"jsonrpc":"2.0","id":1})", R"({"jsonrpc":"2.0","id":1,"result":1,"error":{"code":1,"message":""}})",
        R"({"jsonrpc":"2.0","result":1})", R"({"jsonrpc":"2.0","id":1,"error":3})",
        R"({"jsonrpc":"2.0","id":1,"error":{"message":"x"}})", R"({"id":1,"result":1})", "[]"}) {
    BOOST_TEST(!parse_said(line).has_value(), line);
  }
  const auto said = parse_said(
      R"({"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no","data":{"errno":99999999999,"status":"x","why":5}}})");
  BOOST_REQUIRE(said.has_value());
  BOOST_TEST(std::get<Answer>(*said).error.line() == "no");
  BOOST_TEST(std::get<Answer>(*said).error.status == 125);
}

BOOST_AUTO_TEST_CASE(an_answer_fits_or_says_so) {
  const std::string line = response_line("1", Json(std::string(kMaxMessage, 'x')));
  BOOST_TEST(line.size() <= kMaxMessage);
  const auto said = parse_said(line);
  BOOST_REQUIRE(said.has_value());
  BOOST_TEST(std::get<Answer>(*said).error.code == "E_RPC_TOO_LARGE");
}

BOOST_AUTO_TEST_CASE(whatever_comes_in_one_line_goes_out) {
  std::mt19937 random(11);
  const std::string seed = params(R"({"name":"w\u00e4b","list":["a","b",{"c":[1,2.5,-3,true,null]}]})");
  int taken_count = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string line = seed;
    for (auto n = random() % 4; n > 0; --n) line[random() % line.size()] = static_cast<char>(random());
    const auto request = parse_request(line);
    if (request) {
      ++taken_count;
      continue;
    }
    const std::string answer = error_line(request.error());
    BOOST_REQUIRE(answer.size() < 4096U);
    BOOST_REQUIRE(parse_said(answer).has_value());
  }
  BOOST_TEST(taken_count > 1000);
}

BOOST_AUTO_TEST_SUITE_END()
