// The unit tests' main: the cases are in the *_test.cc files beside it.
#include <boost/test/unit_test.hpp>

#include "support/listing.h"

namespace {

bool init_unit_test() {
  sup::test::list_when_asked();
  return true;
}

}  // namespace

int main(int argc, char** argv) { return boost::unit_test::unit_test_main(&init_unit_test, argc, argv); }
