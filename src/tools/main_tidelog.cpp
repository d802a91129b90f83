#include "tidelog/tools/cli.hpp"

int main(int argument_count, char** arguments) {
  return tidelog::tools::run_tidelog(argument_count, arguments, TIDELOG_VERSION);
}
