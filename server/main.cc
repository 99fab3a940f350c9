#include <unistd.h>

#include <iostream>

#include "server/cli/commands.h"

int main(int argc, char** argv) {
  return siskin::cli::RunSiskin(
      argc, argv, {.out = std::cout, .err = std::cerr, .interactive = isatty(STDERR_FILENO) == 1});
}
