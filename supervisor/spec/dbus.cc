#include "spec/dbus.h"

#include <cstring>

namespace sup {
namespace {

constexpr std::size_t kLongest = std::size_t{1} << 20;
constexpr char kCall = 1;
constexpr char kReturn = 2;
constexpr char kError = 3;

enum Field : char {
  kPath = 1,
  kInterface = 2,
  kMember = 3,
  kErrorName = 4,
  kReplySerial = 5,
  kDestination = 6,
  kSignature = 8
};

// Values one behind the other, each at a multiple of its size, counted from the beginning of the message.
class Writer {
 public:
  void byte(char value) { out_ += value; }
  void number(std::uint32_t value) {
    align(4);
    char bytes[sizeof value];
    for (std::size_t i = 0; i < sizeof value; ++i) bytes[i] = static_cast<char>(value >> 8 * i & 0xff);
    out_.append(bytes, sizeof bytes);
  }
  void text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    out_.append(value).push_back('\0');
  }
  void signature(std::string_view value) {
    byte(static_cast<char>(value.size()));
    out_.append(value).push_back('\0');
  }
  void align(std::size_t to) { out_.append((to - out_.size() % to) % to, '\0'); }
  // An array, whose size in bytes is known at its end: it does not count what aligns the first element.
  std::size_t array(std::size_t alignment) {
    number(0);
    const std::size_t at = out_.size() - 4;
    align(alignment);
    begin_ = out_.size();
    return at;
  }
  void end(std::size_t array, std::size_t begin) {
    const auto size = static_cast<std::uint32_t>(out_.size() - begin);
    for (std::size_t i = 0; i < 4; ++i) out_[array + i] = static_cast<char>(size >> 8 * i & 0xff);
  }
  [[nodiscard]] std::size_t begin() const { return begin_; }
  [[nodiscard]] std::size_t size() const { return out_.size(); }
  std::string& out() { return out_; }

 private:
  std::string out_;
  std::size_t begin_ = 0;  // of the array that was opened last
};

struct Call {
  std::string_view path, destination, interface, member, signature;
};

std::string call(std::uint32_t serial, const Call& what, const std::string& body) {
  Writer w;
  for (const char c : {'l', kCall, '\0', '\1'}) w.byte(c);
  w.number(static_cast<std::uint32_t>(body.size()));
  w.number(serial);
  const std::size_t fields = w.array(8);
  const std::size_t begin = w.begin();
  const auto field = [&w](Field code, std::string_view type, std::string_view value) {
    if (value.empty()) return;
    w.align(8);
    w.byte(code);
    w.signature(type);
    if (type == "g")
      w.signature(value);
    else
      w.text(value);
  };
  field(kPath, "o", what.path);
  field(kDestination, "s", what.destination);
  field(kInterface, "s", what.interface);
  field(kMember, "s", what.member);
  field(kSignature, "g", what.signature);
  w.end(fields, begin);
  w.align(8);
  return w.out() + body;
}

// The same backwards, of what somebody else has written.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  bool align(std::size_t to) { return skip((to - at_ % to) % to); }
  bool skip(std::size_t n) {
    if (n > bytes_.size() - at_) return false;
    at_ += n;
    return true;
  }
  bool byte(char& out) {
    if (at_ == bytes_.size()) return false;
    out = bytes_[at_++];
    return true;
  }
  bool number(std::uint32_t& out) {
    if (!align(4) || bytes_.size() - at_ < 4) return false;
    out = 0;
    for (std::size_t i = 0; i < 4; ++i)
      out |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes_[at_ + i])) << 8 * i;
    at_ += 4;
    return true;
  }
  bool text(std::string& out) {
    std::uint32_t size = 0;
    return number(size) && taken(size, out);
  }
  bool signature(std::string& out) {
    char size = 0;
    return byte(size) && taken(static_cast<unsigned char>(size), out);
  }
  [[nodiscard]] std::size_t at() const { return at_; }

 private:
  bool taken(std::size_t size, std::string& out) {
    if (size >= bytes_.size() - at_) return false;  // a NUL follows
    out = bytes_.substr(at_, size);
    at_ += size + 1;
    return true;
  }
  std::string_view bytes_;
  std::size_t at_ = 0;
};

}  // namespace

std::string dbus_hello(std::uint32_t serial) {
  return call(serial,
              {.path = "/org/freedesktop/DBus",
               .destination = "org.freedesktop.DBus",
               .interface = "org.freedesktop.DBus",
               .member = "Hello",
               .signature = {}},
              {});
}

std::string dbus_start_scope(std::uint32_t serial, std::string_view name, pid_t pid) {
  Writer w;
  w.text(name);
  w.text("fail");  // where there is one already
  const std::size_t properties = w.array(8);
  const std::size_t begin = w.begin();
  const auto property = [&w](std::string_view key, std::string_view type) {
    w.align(8);
    w.text(key);
    w.signature(type);
  };
  property("Description", "s");
  w.text("sup and its containers");
  property("PIDs", "au");
  w.number(4);
  w.number(static_cast<std::uint32_t>(pid));
  property("Delegate", "b");
  w.number(1);
  property("CollectMode", "s");
  w.text("inactive-or-failed");
  w.end(properties, begin);
  const std::size_t others = w.array(8);
  w.end(others, w.begin());
  return call(serial,
              {.path = "/org/freedesktop/systemd1",
               .destination = "org.freedesktop.systemd1",
               .interface = "org.freedesktop.systemd1.Manager",
               .member = "StartTransientUnit",
               .signature = "ssa(sv)a(sa(sv))"},
              w.out());
}

std::optional<std::size_t> dbus_size(std::string_view begin) {
  Reader r(begin);
  char head[4];
  for (char& c : head) {
    if (!r.byte(c)) return std::nullopt;
  }
  std::uint32_t body = 0;
  std::uint32_t serial = 0;
  std::uint32_t fields = 0;
  if (head[0] != 'l' || head[3] != 1 || !r.number(body) || !r.number(serial) || !r.number(fields)) return std::nullopt;
  if (body > kLongest || fields > kLongest) return std::nullopt;
  return (kDbusFixed + fields + 7) / 8 * 8 + body;
}

std::optional<DbusMessage> dbus_read(std::string_view message) {
  const auto size = dbus_size(message);
  if (!size || *size != message.size()) return std::nullopt;
  DbusMessage out;
  if (message[1] == kReturn) out.kind = DbusMessage::Kind::answer;
  if (message[1] == kError) out.kind = DbusMessage::Kind::error;
  Reader r(message);
  std::uint32_t fields = 0;
  if (!r.skip(kDbusFixed - 4) || !r.number(fields)) return std::nullopt;
  std::string body;
  while (r.at() < kDbusFixed + fields) {
    char code = 0;
    std::string type;
    if (!r.align(8) || !r.byte(code) || !r.signature(type)) return std::nullopt;
    std::string text;
    std::uint32_t number = 0;
    if (type == "u"   ? !r.number(number)
        : type == "g" ? !r.signature(text)
                      : (type != "s" && type != "o") || !r.text(text)) {
      return std::nullopt;
    }
    if (code == kReplySerial) out.answers = number;
    if (code == kErrorName) out.error = text;
    if (code == kSignature) body = text;
  }
  if (body.starts_with('s') && !(r.align(8) && r.text(out.text))) return std::nullopt;
  return out;
}

}  // namespace sup
