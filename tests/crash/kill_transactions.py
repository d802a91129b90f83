#!/usr/bin/env python3
"""Kills tidelogd again and again under transactional producers, and holds what is there after each start against what they
had been told: what was committed is seen whole and once, what was not is never seen, and nothing stays open.

    kill_transactions.py [--cycles N] [--seed N] [--ready-within SECONDS]
"""

import random

import kills
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


if __name__ == "__main__":
    kills.main("kills tidelogd under transactional producers", 100, transactional_clients.broker, kill_under_load,
               "every transaction is there whole, or not at all")
