#include "tidelog/tools/exit_code.hpp"

#include <gtest/gtest.h>

#include "tidelog/client/client_error.hpp"

namespace tidelog::tools {
namespace {

exit_code of(std::error_code code) {
  return exit_code_of(base::error{code, "context"});
}

TEST(exit_code, broker_that_is_gone_is_unreachable_however_it_shows) {
  EXPECT_EQ(of(client::client_errc::connection_closed), exit_code::unreachable);
  for (const auto code : {std::errc::connection_reset, std::errc::connection_refused, std::errc::broken_pipe,
                          std::errc::host_unreachable}) {
    EXPECT_EQ(of(std::make_error_code(code)), exit_code::unreachable) << static_cast<int>(code);
  }
  EXPECT_EQ(of(std::make_error_code(std::errc::permission_denied)), exit_code::failed);
}

}  // namespace
}  // namespace tidelog::tools
