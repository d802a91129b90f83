#!/usr/bin/env python3
"""Kills tidelogd again and again under transactional producers, and holds what is there after each start against what they
had been told: what was committed is seen whole and once, what was not is never seen, and nothing stays open.

    kill_transactions.py [--cycles N] [--seed N] [--ready-within SECONDS]
"""

import argparse
import random
import shutil
import sys
import tempfile

import real_clients
import transactional_clients

TOPICS = (transactional_clients.DURABLE, transactional_clients.CACHED)


def kill_under_load(broker, options):
    chance = random.Random(options.seed)
    ledger = transactional_clients.Ledger()
    checker = transactional_clients.Checker(broker, ledger, TOPICS)
    broker.start((*TOPICS, transactional_clients.SOURCE))
    broker.ready_seconds.clear()
    load = transactional_clients.Load(broker.address, ledger, options.seed, TOPICS)
    follower = transactional_clients.Follower(broker.address, ledger, checker.places)
    for cycle in range(1, options.cycles + 1):
        ledger.wait_for_a_moment(chance)
        broker.kill()
        broker.start()
        load.rest()
        checker.check(follower, everything=cycle % 20 == 0)
        follower.go_on()
        load.go_on()
        print(f"cycle {cycle}: transactions: {ledger.text()}; {checker.left_out} records not committed, "
              f"ready in {broker.ready_seconds[-1]:.3f} s", flush=True)
    load.rest()
    checker.check(follower, everything=True)
    load.stop()
    follower.stop()
    broker.stop()
    broker.start()
    checker.check(everything=True)
    broker.stop()
    for reason, count in ledger.failed.items():
        print(f"{count} transactions were given up by their producer: {reason}")


def run(options):
    work = tempfile.mkdtemp(prefix="tidelog-kill-")
    broker = transactional_clients.broker(work + "/data")
    try:
        kill_under_load(broker, options)
        times = sorted(broker.ready_seconds)
        median = times[len(times) // 2]
        print(f"{options.cycles} kills: every transaction is there whole, or not at all; the port answers after a kill in "
              f"{median:.3f} s (median), {times[-1]:.3f} s (longest)")
        # Not the longest: whatever else the machine does is in it.
        if options.ready_within and median > options.ready_within:
            raise real_clients.Broken(f"half of the starts took longer than {options.ready_within} s: {times}")
        return 0
    except Exception as failure:
        log = broker.daemon.log() if broker.daemon else ""
        print(f"seed {options.seed}: {failure}\nthe daemon's last words:\n{log[-4000:]}", file=sys.stderr)
        return 1
    finally:
        if broker.daemon:
            broker.daemon.close()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="kills tidelogd under transactional producers")
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--ready-within", type=float, default=0,
                        help="fails when it takes longer at the median until the port answers")
    sys.exit(run(parser.parse_args()))
