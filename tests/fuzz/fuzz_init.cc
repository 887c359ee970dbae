// init's interpreter against a kernel that answers as it likes: any plan, any answers; it ends, and looks at nothing but its
// block.
//   input: how the kernel is, then either the block as it is, or steps to build one from and bytes to break it with
#include <cstring>

#include "fuzz.h"
#include "init_fake.h"

using namespace sup;
using namespace sup::init;
using namespace sup::init::test;
using sup::fuzz::require;

namespace sup::init::sys {
long raw(long nr, const long (&args)[6]) { return test::Fake::current->call(nr, args); }
long vfork_child(unsigned long flags, void*, void (*child)(void*), void* arg) {
  return test::Fake::current->vfork_child(flags, child, arg);
}
}  // namespace sup::init::sys

namespace {

std::vector<unsigned char> built(sup::fuzz::Input& in) {
  Block block;
  for (auto steps = in.byte() % 24; steps > 0; --steps) {
    const auto op = static_cast<wire::Op>(in.byte() % (static_cast<unsigned>(wire::kLastOp) + 1));
    const std::array<std::uint64_t, 3> n{in.number(2), in.number(2), in.byte()};
    if (op == wire::Op::groups) {
      std::vector<std::uint32_t> gids(in.byte() % 8);
      for (auto& g : gids) g = static_cast<std::uint32_t>(in.number(4));
      block.groups(std::move(gids));
    } else if (op == wire::Op::exec) {
      block.exec();
    } else {
      std::vector<std::string> strings(in.byte() % 5);
      for (auto& s : strings) s = in.text();
      block.add(op, n, std::move(strings));
    }
  }
  if (in.flag()) block.exec({in.text(), in.text()}, {in.text()}, {});
  auto bytes = block.bytes();
  for (auto broken = in.byte() % 8; broken > 0; --broken) {
    const auto at = in.number(2);
    bytes[at % bytes.size()] = in.byte();
  }
  return bytes;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sup::fuzz::Input in(data, size);
  Fake fake;
  const auto how = in.byte();
  if ((how & 1) != 0) {
    fake.fail_at = in.byte();
    fake.fail_with = -static_cast<long>(1 + in.byte() % 133);
  }
  fake.child_runs = (how & 2) == 0;
  fake.clone_answer = (how & 4) == 0 ? 2 : -EAGAIN;
  fake.fork_answer = (how & 4) == 0 ? 0 : 9;
  fake.short_write = (how & 8) != 0;
  fake.send_at_most = (how & 16) == 0 ? 1000 : 5;
  fake.boot_events = (how & 32) == 0 ? std::int16_t{0} : sys::kPollHup;
  fake.stacked = in.byte();
  fake.cwd = (how & 64) == 0 ? "/job" : "(unreachable)/x";
  fake.heard = std::string(in.piece(in.byte() % 33));
  std::string mountinfo = in.text();
  fake.file = [mountinfo, at = std::size_t{0}]() mutable {
    const std::string part = mountinfo.substr(std::min(at, mountinfo.size()), 4096);
    at += part.size();
    return part;
  };
  for (auto looks = in.byte() % 8; looks > 0; --looks) {
    fake.polls.push_back({static_cast<std::int16_t>(in.byte() & 1), static_cast<std::int16_t>(in.byte() & 0x11)});
    fake.signals.push_back({{in.byte() % 65, static_cast<int>(in.byte())}});
    fake.dead.emplace_back(in.byte() % 4, static_cast<std::uint32_t>(in.number(2)));
  }
  std::vector<unsigned char> block;
  if ((how & 128) != 0) {
    block = built(in);
  } else {
    const auto rest = in.rest();
    block.assign(rest.begin(), rest.end());
  }
  // Below a header there is nothing that main() would hand over.
  if (block.size() < sizeof(wire::Header)) return 0;
  try {
    const auto status = fake.interpret(std::move(block));
    if (status && !fake.said.empty()) {
      const auto& last = fake.said.back();
      if (last.say == wire::Say::failed)
        require(last.err > 0 && *status == kExitSetup, "a failure says which, and ends with 125");
    }
    if (!status) require(!fake.said.empty() && fake.said.back().say == wire::Say::exec, "nothing runs unannounced");
  } catch (const std::runtime_error& e) {
    // PID 1 that waits for what the input does not bring is as it should be; anything else is not.
    require(std::strstr(e.what(), "waits for ever") != nullptr, e.what());
  }
  return 0;
}
