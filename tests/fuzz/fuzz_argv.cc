// A whole command line of `run`, up to the bytes that init would get: words (a line each) to Spec, check, compile, encode;
// nothing is executed, and no file is read.
#include <cstring>
#include <memory>

#include "base/text.h"
#include "face/cli/option.h"
#include "face/cli/run_options.h"
#include "fuzz.h"
#include "init/steps.h"
#include "spec/check.h"
#include "spec/peers.h"
#include "spec/plan.h"
#include "spec/plan_json.h"

using namespace sup;
using sup::fuzz::require;

// init is here for its check alone.
namespace sup::init::sys {
long raw(long, const long (&)[6]) { std::abort(); }
long vfork_child(unsigned long, void*, void (*)(void*), void*) { std::abort(); }
}  // namespace sup::init::sys

namespace {

Facts facts(bool root) {
  Facts f;
  f.id = "0123456789ab";
  f.uid = root ? 0 : 1000;
  f.gid = root ? 0 : 1000;
  f.environ = {"PATH=/usr/bin:/bin", "HOME=/root", "LANG=C"};
  f.cwd = "/job";
  f.proc_mounts = {"/proc", "/mnt/proc"};
  f.passwd = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n";
  f.group = "root:x:0:\nadm:x:4:nobody\nnogroup:x:65534:\n";
  return f;
}

void held(const Error& e) {
  require(!e.code.empty() && e.status >= 125 && e.status <= 127, "an error has a code and a status");
  const std::string line = e.line();
  require(!line.empty() && line.find('\n') == std::string::npos && is_utf8(line), "an error is one line");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> words;
  for (const auto word : split({reinterpret_cast<const char*>(data), size}, '\n')) {
    // argv has no NUL in it, and files are not for a fuzzer.
    std::string w(word.substr(0, word.find('\0')));
    if (w.find("env-f") == std::string::npos) words.push_back(std::move(w));
  }
  Spec spec;
  cli::RunFlags flags;
  const auto options = cli::run_options(spec, flags);
  auto parsed = cli::parse("run", options, words, cli::Operands::command);
  if (!parsed) {
    held(parsed.error());
    return 0;
  }
  if (parsed->help) return 0;
  spec.argv = parsed->operands;
  if (auto r = check(spec); !r) {
    held(r.error());
    return 0;
  }
  for (const bool root : {true, false}) {
    const auto f = facts(root);
    const auto plan = compile(spec, f);
    if (!plan) {
      held(plan.error());
      continue;
    }
    for (const auto& step : plan->steps) {
      require(!stage(step).empty() && !failure_code(step).empty() && !describe(step).empty(), "a step has a name");
    }
    require(is_utf8(plan_json(*plan)), "a plan is UTF-8");
    for (const Peer peer : {Peer::docker, Peer::bwrap, Peer::unshare, Peer::oci}) (void)render(spec, f, peer);
    const auto bytes = encode(*plan);
    if (!bytes) {
      held(bytes.error());
      continue;
    }
    const auto block = std::make_unique<unsigned char[]>(bytes->size());
    std::memcpy(block.get(), bytes->data(), bytes->size());
    const auto flaw = init::prepare(block.get(), bytes->size());
    require(flaw.err == 0, "init takes what the supervisor makes");
  }
  return 0;
}
