#!/usr/bin/env python3
"""Runs crash_schedules with a seed that every day brings a new one of, and prints it: what the fixed seed among the tests has
not met in a year, some day may.

    schedules_of_the_day.py build/dev/tests/crash/crash_schedules --scripts 60 --cuts 25
"""

import subprocess
import sys
import time

SECONDS_OF_A_DAY = 86400
# A script takes the next seed each; those of one day are not those of another.
SEEDS_OF_A_DAY = 100_000


def main():
    seed = int(time.time()) // SECONDS_OF_A_DAY * SEEDS_OF_A_DAY
    command = [*sys.argv[1:], "--seed", str(seed)]
    print(" ".join(command), flush=True)
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
