"""A transactional producer in a process of its own, since it is to die, and since librdkafka 2.0.2 now and then ends with a
failed assertion when the broker goes away in the middle of a transaction.

    transactional_producer.py ADDRESS PRODUCER FIRST-NUMBER SEED GROUP TOPIC...

Starts at rest, and works between the lines `go` and `rest` of its input, whose end is its own. Tells each step before it
takes it, or when it has been told of it, by a line.
"""

import os
import random
import sys
import threading
import time

import rdkafka

PARTITIONS = 3
# What the committed offsets are of; it has no records.
SOURCE = "source"
# For what the broker answers at once where it is there; it does not stay away for long.
PATIENCE = 40
# What becomes of a transaction, and how often.
COMMIT, ABORT, DIE, DIE_COMMITTING = range(4)
DECISIONS = (COMMIT,) * 24 + (ABORT,) * 8 + (DIE,) + (DIE_COMMITTING,) * 2
# The exit code of a death that was meant to be.
DIED = 9


def tell(*words):
    """A whole line or, at a death, nothing of it, however the output is buffered."""
    os.write(sys.stdout.fileno(), (" ".join(map(str, words)) + "\n").encode())


class Broken(Exception):
    """Something that no broker may do to a producer."""


class Producer:
    def __init__(self, address, index, dice, group, topics):
        self.index = index
        self.dice = dice
        self.group = group
        self.places = [(topic, partition) for topic in topics for partition in range(PARTITIONS)]
        self.working = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()
        self.client = rdkafka.TransactionalProducer(address, f"mover-{index}", linger_ms=dice.choice((0, 5)))
        self.client.initialize(PATIENCE)

    def _listen(self):
        for line in sys.stdin:
            (self.working.set if line == "go\n" else self.working.clear)()
        os._exit(0)

    def work(self, number):
        while True:
            if not self.working.is_set():
                tell("resting")
                self.working.wait()
            self._transact(number)
            number += 1

    def _transact(self, number):
        records = self.dice.randrange(1, 8)
        decision = self.dice.choice(DECISIONS)
        tell("begin", number, records)
        try:
            self.client.begin()
            self._write(number, records)
            if self.group:
                self.client.send_offsets({(SOURCE, 0): number}, PATIENCE, group=self.group)
            if decision == DIE:
                os._exit(DIED)
            if decision == ABORT:
                self._wait_for_delivery()
                return self._abort(number)
            tell("commit", number)
            if decision == DIE_COMMITTING:
                threading.Timer(self.dice.random() * 0.02, os._exit, (DIED,)).start()
            self.client.commit(PATIENCE)
            tell("committed", number)
        except rdkafka.TransactionFailed as failure:
            # Nobody takes its transactional id from it while it lives.
            if failure.is_retriable or self.client.fatal():
                raise Broken(f"{failure}; {self.client.fatal()}") from failure
            tell("failed", number, failure.text)
            self._abort(number)

    def _wait_for_delivery(self):
        """librdkafka 2.0.2 loses count when it drops records at an abort: of those that have their sequence numbers already it
        leaves the numbers out, or gives the same numbers to others, though the broker may have the first ones, and when a
        connection ends meanwhile it waits for records that it does not send any more."""
        give_up = time.monotonic() + PATIENCE
        while self.client.waiting() and time.monotonic() < give_up:
            self.client.poll(5)

    def _write(self, number, records):
        """Breaks off where librdkafka takes no more records of it, because something went wrong: the next call tells what."""
        for record in range(records):
            for topic, partition in self.places:
                value = b"%d %d %d %s" % (self.index, number, record, b"." * self.dice.randrange(200))
                if not self.client.send(topic, partition, value, None):
                    return
            # Some are on their way to the broker before the next.
            self.client.poll(self.dice.randrange(3))

    def _abort(self, number):
        self.client.abort(PATIENCE)
        tell("aborted", number)


def main(address, index, first_number, seed, group, *topics):
    try:
        Producer(address, int(index), random.Random(f"{seed} {index} {first_number}"), group, topics).work(int(first_number))
    except Exception as failure:  # told by who watches
        tell("broken", repr(failure))
        os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
