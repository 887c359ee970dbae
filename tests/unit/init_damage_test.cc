// Damaged plans: init refuses them whole, runs nothing of them, and reads nowhere outside their block.
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <random>
#include <vector>

#include "init_fake.h"

using namespace sup;
using namespace sup::init;
using namespace sup::init::test;
using wire::Op;
using Strings = std::vector<std::string>;

BOOST_AUTO_TEST_SUITE(init_damage)

namespace {
// The plan is refused whole: {failed, step, err}, and not one call before it.
void refused(const std::vector<unsigned char>& bytes, int step, int err) {
  Fake fake;
  BOOST_CHECK(fake.interpret(bytes) == 125);
  BOOST_REQUIRE(fake.said.size() == 1);
  BOOST_TEST(fake.said[0].step == step);
  BOOST_TEST(fake.said[0].err == err);
  BOOST_TEST(fake.calls == (Strings{"send()", "exit(125)"}), boost::test_tools::per_element());
}
wire::Header& header(std::vector<unsigned char>& b) { return *reinterpret_cast<wire::Header*>(b.data()); }
wire::Step& step(std::vector<unsigned char>& b, std::size_t i) {
  return reinterpret_cast<wire::Step*>(b.data() + sizeof(wire::Header))[i];
}
std::uint64_t& word_at(std::vector<unsigned char>& b, std::size_t at) {
  return *reinterpret_cast<std::uint64_t*>(b.data() + at);
}
std::vector<unsigned char> sample() {
  return Block().add(Op::mount, {0}, {"a", "/b", "c", "d"}).groups({1, 2, 3}).exec().bytes();
}
template <typename Change>
std::vector<unsigned char> with(Change change) {
  auto bytes = sample();
  change(bytes);
  return bytes;
}
}  // namespace

BOOST_AUTO_TEST_CASE(malformed_headers) {
  Fake good;
  BOOST_REQUIRE(good.interpret(sample()) == std::nullopt);
  refused(with([](auto& b) { header(b).magic ^= 1; }), 0, EBADMSG);
  refused(with([](auto& b) { header(b).version++; }), 0, EPROTONOSUPPORT);
  refused(with([](auto& b) { header(b).size++; }), 0, EBADMSG);
  refused(with([](auto& b) { header(b).size--; }), 0, EBADMSG);
  refused(with([](auto& b) { header(b).reserved = 1; }), 0, EBADMSG);
  refused(with([](auto& b) { header(b).count = 0; }), 0, EBADMSG);
  refused(with([](auto& b) { header(b).count = 1025; }), 0, EBADMSG);
  refused(with([](auto& b) { header(b).count = 20; }), 0, EBADMSG);
  refused(with([](auto& b) { b.back() = 'x'; }), 0, EBADMSG);
  // Cut anywhere, with the size in the header made to agree or not.
  const auto whole = sample();
  for (std::size_t n = 0; n < whole.size(); ++n) {
    auto cut = whole;
    cut.resize(n);
    Fake fake;
    BOOST_CHECK(fake.interpret(cut) == 125);
    BOOST_TEST(fake.calls.size() == 2U);
    if (n < sizeof(wire::Header)) continue;
    header(cut).size = static_cast<std::uint32_t>(n);
    cut.back() = n == sizeof(wire::Header) ? cut.back() : 0;
    Fake agreed;
    agreed.interpret(cut);  // refused or, where only the tail is lost, run: never read outside (ASan)
  }
}

BOOST_AUTO_TEST_CASE(malformed_steps) {
  const auto size = static_cast<std::uint32_t>(sample().size());
  for (const unsigned op : {0U, static_cast<unsigned>(wire::kLastOp) + 1U, 1000U, 65535U}) {
    refused(with([&](auto& b) { step(b, 1).op = static_cast<std::uint16_t>(op); }), 1, ENOSYS);
  }
  refused(with([](auto& b) { step(b, 1).flags = 1; }), 1, EBADMSG);
  refused(with([](auto& b) { step(b, 1).reserved = 1; }), 1, EBADMSG);
  for (int i = 0; i < 4; ++i) {
    refused(with([&](auto& b) { step(b, 0).s[i] = size; }), 0, EBADMSG);
    refused(with([&](auto& b) { step(b, 0).s[i] = ~0U; }), 0, EBADMSG);
    refused(with([&](auto& b) { step(b, 0).s[i] = 20; }), 0, EBADMSG);  // in the steps
  }
  refused(with([](auto& b) { step(b, 0).s[1] = 0; }), 0, EBADMSG);  // mount without a target
  refused(with([](auto& b) { step(b, 1).s[0] += 1; }), 1, EBADMSG);  // gids misaligned
  refused(with([](auto& b) { step(b, 1).s[0] = 0; }), 1, EBADMSG);
  refused(with([](auto& b) { step(b, 1).n[0] = 1'000'000; }), 1, EBADMSG);
  refused(with([](auto& b) { step(b, 1).n[0] = ~0ULL; }), 1, EBADMSG);
  refused(with([](auto& b) { step(b, 1).n[0] = ~0ULL / 4 + 2; }), 1, EBADMSG);  // count * 4 overflows to 4
  // no exec at the end, exec in the middle
  refused(with([](auto& b) { step(b, 2).op = static_cast<std::uint16_t>(Op::setsid); }), 2, EBADMSG);
  refused(with([](auto& b) { step(b, 1) = step(b, 2); }), 1, EBADMSG);
  refused(Block().add(Op::stay).add(Op::setsid).add(Op::stay).exec().bytes(), 2, EBADMSG);
  for (const Op op : {Op::umount_stack, Op::hostname, Op::link_up, Op::write_file, Op::workdir}) {
    refused(Block().add(Op::umask).add(op).exec().bytes(), 1, EBADMSG);
  }
}

BOOST_AUTO_TEST_CASE(malformed_lists) {
  const auto size = static_cast<std::uint32_t>(sample().size());
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST_CONTEXT("list " << i) {
      refused(with([&](auto& b) { step(b, 2).s[i] = 0; }), 2, EBADMSG);
      refused(with([&](auto& b) { step(b, 2).s[i] += 4; }), 2, EBADMSG);
      refused(with([&](auto& b) { step(b, 2).s[i] = (size + 7) & ~7U; }), 2, EBADMSG);
      refused(with([&](auto& b) { step(b, 2).s[i] = ~7U; }), 2, EBADMSG);
      refused(with([&](auto& b) { word_at(b, step(b, 2).s[i]) = size; }), 2, EBADMSG);
      refused(with([&](auto& b) { word_at(b, step(b, 2).s[i]) = 1ULL << 32 | 200; }), 2, EBADMSG);
      refused(with([&](auto& b) { word_at(b, step(b, 2).s[i]) = 8; }), 2, EBADMSG);
    }
  }
  // The last list never ends: its 0 is overwritten, and the block is over.
  refused(with([&](auto& b) {
            const std::size_t at = step(b, 2).s[2] + 8;
            word_at(b, at) = word_at(b, at - 8);
          }),
          2, EBADMSG);
  // One list as two: its entries are pointers by the second look.
  refused(with([](auto& b) { step(b, 2).s[2] = step(b, 2).s[1]; }), 2, EBADMSG);
}

BOOST_AUTO_TEST_CASE(damaged_plans_never_lead_outside_the_block) {
  std::mt19937 random(20261124);  // the same plans every time
  const auto whole = Block()
                         .add(Op::mount, {0}, {"a", "/b", "c", "d"})
                         .add(Op::write_file, {}, {"/f", "1"})
                         .groups({1, 2})
                         .add(Op::workdir, {}, {"/w"})
                         .add(Op::link_up, {}, {"lo"})
                         .add(Op::stay)
                         .add(Op::only_proc)
                         .exec({"/a/x", "/b/x"})
                         .bytes();
  int ran = 0;
  for (int round = 0; round < 20'000; ++round) {
    auto bytes = whole;
    for (unsigned k = random() % 4 + 1; k > 0; --k) {
      // Mostly small values at field borders: they get further than noise.
      const std::size_t at = random() % (bytes.size() / 4) * 4;
      const std::uint32_t value = random() % 3 == 0 ? static_cast<std::uint32_t>(random())
                                                    : static_cast<std::uint32_t>(random() % (bytes.size() + 8));
      std::memcpy(bytes.data() + at, &value, 4);
    }
    Fake fake;
    fake.file = once(kMountinfo);
    fake.heard = go_record();
    fake.dead = {{2, 0}};
    ran += fake.interpret(bytes) == 0 ? 1 : 0;
  }
  BOOST_TEST(ran > 100);  // some still are plans: the checks are not passed by refusing everything
}

BOOST_AUTO_TEST_SUITE_END()
