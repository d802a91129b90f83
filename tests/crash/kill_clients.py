#!/usr/bin/env python3
"""Kills tidelogd again and again under the load of librdkafka, and holds what is there after each start against what it had
promised.

    kill_clients.py [--cycles N] [--seed N] [--ready-within SECONDS]
"""

import random

import kills
import real_clients


def kill_under_load(broker, options):
    chance = random.Random(options.seed)
    ledger = real_clients.Ledger()
    checker = real_clients.Checker(broker, ledger)
    broker.start(real_clients.TOPICS)
    broker.ready_seconds.clear()
    load = real_clients.Load(broker.address, ledger, options.seed)
    for cycle in range(1, options.cycles + 1):
        ledger.wait_for_a_moment(chance, 600)
        broker.kill()
        broker.start()
        load.pause()
        checker.check(everything=cycle % 20 == 0)
        load.go_on()
        print(f"cycle {cycle}: {ledger.acknowledgements} acknowledged records, {len(ledger.deleted)} topics came and went, "
              f"ready in {broker.ready_seconds[-1]:.3f} s", flush=True)
    load.stop()
    checker.check(everything=True)
    broker.stop()
    broker.start()
    checker.check(everything=True)
    broker.stop()


if __name__ == "__main__":
    kills.main("kills tidelogd under the load of real clients", 200, real_clients.Broker, kill_under_load,
               "everything that was acknowledged is there")
