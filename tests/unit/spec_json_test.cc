// Spec and JSON, both ways: nothing forgotten, nothing changed, every wrong type named.
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "spec/base64.h"
#include "spec/spec_json.h"

using namespace sup;
using namespace std::string_literals;
using Json = nlohmann::json;

namespace {

// Every field other than its default.
Spec full() {
  Spec s;
  s.argv = {"/bin/sh", "-c", "\xff\xfe", "", "n\0l"s, "ümläut"};
  s.name = "web";
  s.tty = true;
  s.interactive = true;
  s.env = {{"A", "1"}, {"B", std::nullopt}, {"C", ""}, {"\x80", "\xc3"}, {"a=b", "c"}};
  s.clear_env = true;
  s.workdir = "/tmp/\xe4";
  s.hostname = "host";
  s.user = "nobody:nogroup";
  s.init = true;
  s.stop_signal = 64;
  s.stop_timeout = std::chrono::milliseconds(1);
  s.sig_proxy = false;
  s.detach_keys = "";
  s.timeout = std::chrono::milliseconds(3'000'000'000);
  s.status_fd = 7;
  s.pidfile = "/p";
  s.cidfile = "/c";
  s.preserve_fds = 2;
  s.network = Network::join;
  s.labels = {"k=v", "e="};
  s.netns = "/n";
  s.netns_hosts = "192.0.2.1 a\n";
  s.netns_resolv = "nameserver 192.0.2.2\n";
  s.publish = {{"::1", 8080, 80, true}, {"", 1, 65535, false}};
  s.ipc = "host";
  s.uts = "/u";
  s.pid = "/p";
  s.group_add = {"video", "7"};
  s.userns = "auto";
  s.ulimits = {{7, 1, 2}};
  s.oom_score_adj = -7;
  s.nice = 3;
  s.ionice = 3 << 13;
  s.privileged = true;
  s.profile = Profile::docker;
  s.cap_add = {"NET_ADMIN"};
  s.cap_drop = {"ALL"};
  s.no_new_privs = true;
  s.seccomp = "{}";
  s.restart = {RestartPolicy::Kind::on_failure, 3};
  s.rm = false;
  s.record = "/r";
  s.limits = {.memory = 64 << 20,
              .memory_swap = -1,
              .nano_cpus = 1'500'000'000,
              .cpu_shares = 2,
              .cpuset_cpus = "0-1",
              .pids = -1,
              .blkio_weight = 10,
              .best_effort = true};
  s.rootfs = "/srv/root";
  s.rootfs_overlay = true;
  s.read_only = true;
  s.mounts = {parse_volume("/a:/b:ro,rslave,nosuid,create").value(),
              parse_mount("type=bind,\"src=/x,\"\"y\"\"\",dst=/c:d,bind-recursive=disabled").value(),
              parse_tmpfs("/t:size=1m,mode=700,exec").value(), parse_device("/dev/fuse").value(),
              parse_volume("/a:/o:O").value()};
  s.shm_size = 1U << 20;
  return s;
}

Spec through_text(const Spec& spec) {
  const auto read = spec_from_json(Json::parse(spec_to_json(spec).dump()));
  BOOST_REQUIRE(read.has_value());
  return *read;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(spec_json)

BOOST_AUTO_TEST_CASE(it_comes_back_as_it_went) {
  BOOST_TEST((through_text(Spec{}) == Spec{}));
  BOOST_TEST((through_text(full()) == full()));
  Spec keys = full();
  keys.detach_keys = "ctrl-p,ctrl-q";
  BOOST_TEST((through_text(keys) == keys));
  for (const int signal : {-1, 0, 1, 32, 33, 1000}) {
    Spec s;
    s.stop_signal = signal;
    BOOST_TEST((through_text(s) == s));
  }
}

// A field that this test does not know would be equal to its default in full(): its JSON says so.
BOOST_AUTO_TEST_CASE(no_field_is_left_at_its_default_above) {
  const Json defaults = spec_to_json(Spec{});
  const Json all = spec_to_json(full());
  BOOST_TEST(all.size() == 49U);
  for (const auto& [name, value] : all.items()) BOOST_TEST((!defaults.contains(name) || defaults[name] != value), name);
}

BOOST_AUTO_TEST_CASE(random_bytes_survive) {
  std::mt19937 random(9);
  for (int round = 0; round < 3000; ++round) {
    Spec s;
    for (auto n = random() % 5; n > 0; --n) {
      std::string arg(random() % 12, '\0');
      for (char& c : arg) c = static_cast<char>(random());
      s.argv.push_back(arg);
    }
    BOOST_REQUIRE((through_text(s) == s));
  }
}

BOOST_AUTO_TEST_CASE(written_by_hand) {
  const auto spec = spec_from_json(Json::parse(
      R"({"argv":["sh",{"base64":"/w=="}],"env":["A=b=c","D",{"key":"E","value":null}],"stop_signal":"SIGINT","timeout_ms":null,"later":{"x":[1]}})"));
  BOOST_REQUIRE(spec.has_value());
  BOOST_TEST(spec->argv.at(1) == "\xff");
  BOOST_TEST((spec->env == std::vector<EnvEntry>{{"A", "b=c"}, {"D", std::nullopt}, {"E", std::nullopt}}));
  BOOST_TEST(spec->stop_signal == 2);
  BOOST_TEST(!spec->timeout.has_value());
}

BOOST_AUTO_TEST_CASE(what_is_wrong_and_where) {
  struct Case {
    const char* json;
    const char* name;
    const char* pointer;
  };
  const Case cases[] = {
      {"3", "E_RPC_TYPE", "/params/spec"},
      {R"({"argv":"sh"})", "E_RPC_TYPE", "/params/spec/argv"},
      {R"({"argv":["a",3]})", "E_RPC_TYPE", "/params/spec/argv/1"},
      {R"({"argv":[null]})", "E_RPC_TYPE", "/params/spec/argv/0"},
      {R"({"argv":[{}]})", "E_RPC_MISSING", "/params/spec/argv/0/base64"},
      {R"({"argv":[{"base64":5}]})", "E_RPC_TYPE", "/params/spec/argv/0/base64"},
      {R"({"argv":[{"base64":"/x=="}]})", "E_RPC_RANGE", "/params/spec/argv/0/base64"},
      {R"({"tty":1})", "E_RPC_TYPE", "/params/spec/tty"},
      {R"({"env":{}})", "E_RPC_TYPE", "/params/spec/env"},
      {R"({"env":[1]})", "E_RPC_TYPE", "/params/spec/env/0"},
      {R"({"env":[{"value":"x"}]})", "E_RPC_MISSING", "/params/spec/env/0/key"},
      {R"({"env":[{"key":"x","value":1}]})", "E_RPC_TYPE", "/params/spec/env/0/value"},
      {R"({"stop_signal":"TREM"})", "E_RPC_RANGE", "/params/spec/stop_signal"},
      {R"({"stop_signal":1.5})", "E_RPC_TYPE", "/params/spec/stop_signal"},
      {R"({"preserve_fds":2147483648})", "E_RPC_RANGE", "/params/spec/preserve_fds"},
      {R"({"preserve_fds":-2147483649})", "E_RPC_RANGE", "/params/spec/preserve_fds"},
      {R"({"preserve_fds":18446744073709551615})", "E_RPC_RANGE", "/params/spec/preserve_fds"},
      {R"({"stop_timeout_ms":18446744073709551615})", "E_RPC_RANGE", "/params/spec/stop_timeout_ms"},
      {R"({"timeout_ms":"1s"})", "E_RPC_TYPE", "/params/spec/timeout_ms"},
      {R"({"network":"bridge"})", "E_RPC_RANGE", "/params/spec/network"},
      {R"({"network":0})", "E_RPC_TYPE", "/params/spec/network"},
      {R"({"detach_keys":[]})", "E_RPC_TYPE", "/params/spec/detach_keys"},
  };
  for (const Case& c : cases) {
    const auto spec = spec_from_json(Json::parse(c.json), "/params/spec");
    BOOST_TEST_CONTEXT(c.json) {
      BOOST_REQUIRE(!spec);
      BOOST_TEST(spec.error().code == kInvalidParams);
      BOOST_TEST(spec.error().name == c.name);
      BOOST_TEST(spec.error().pointer == c.pointer);
    }
  }
}

BOOST_AUTO_TEST_CASE(base64_of_the_rfc) {
  const std::pair<const char*, const char*> cases[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : cases) {
    BOOST_TEST(to_base64(bytes) == text);
    BOOST_TEST((from_base64(text) == std::optional<std::string>(bytes)));
  }
  for (const char* bad :
       {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm 9", "Zm9v\n", "Zm_v", "=Zm9"})
    BOOST_TEST(!from_base64(bad).has_value(), bad);
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  BOOST_TEST((from_base64(to_base64(all)) == all));
}

BOOST_AUTO_TEST_SUITE_END()
