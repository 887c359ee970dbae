// Listing: how the test executables tell ctest which cases they hold.
#pragma once

namespace sup::test {

// When $SUP_TEST_LIST is set, prints one line for every case, "suite/case label,label", and ends the
// process with status 0; a case has the labels of its suites too. To be called from init_unit_test.
void list_when_asked();

}  // namespace sup::test
