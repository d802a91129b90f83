"""Load on very many durable partitions, so that the commit journal syncs the whole file system for a round of them."""

import itertools
import random
import re
import time
import urllib.request

import real_clients
import harness
import rdkafka

# One round stands for so many at least (docs/operations.md, "Durability").
FEWEST = 2048
PRODUCERS = 4
MOST_UNDER_WAY = 400
JOURNAL_BYTES = 16 << 20
# That a topic gets at a time: each makes a few files and waits for them to be on disk.
MADE_AT_ONCE = 500


def topic_of(partitions):
    return real_clients.Topic("many", partitions, {}, True, True)


def broker(directory):
    # A round is due when half of the journal is in use; all partitions are to have something in it by then.
    return real_clients.Broker(directory, "--set", "metrics.listen=127.0.0.1:0", journal_bytes=JOURNAL_BYTES)


def create(broker, partitions):
    broker.tidelog("topic", "create", "many", "--partitions", str(min(MADE_AT_ONCE, partitions)))
    for count in range(2 * MADE_AT_ONCE, partitions + MADE_AT_ONCE, MADE_AT_ONCE):
        broker.tidelog("topic", "alter", "many", "--partitions", str(min(count, partitions)))


class Load(real_clients.Clients):
    """Idempotent producers, each going around its share of the partitions."""

    def __init__(self, address, ledger, partitions, seed):
        super().__init__(ledger)
        self._start(*((self._produce, address, index, range(index, partitions, PRODUCERS), seed)
                      for index in range(PRODUCERS)))

    def _produce(self, address, index, partitions, seed):
        dice = random.Random(f"{seed} {index}")

        def told(mine, error, offset):
            if error == rdkafka.ACKNOWLEDGED:
                self.ledger.store(mine[0], offset, mine[1])
            else:
                self.ledger.failures.put(f"producer {index}: {mine[0]}: {rdkafka.error_text(error)}")

        producer = rdkafka.Producer(address, told, enable_idempotence="true", linger_ms=0)
        places = (("many", partition, number) for number in itertools.count() for partition in partitions)
        while not self._stop.is_set() or producer.waiting():
            while self._work.is_set() and not self._stop.is_set() and producer.waiting() < MOST_UNDER_WAY:
                name, partition, number = next(places)
                value = b"%d %d %s" % (100 + index, number, b"." * dice.randrange(100))
                if not producer.send(name, partition, value, ((name, partition), value)):
                    raise real_clients.Broken("a record does not fit into the queue")
            producer.poll(5)
            if producer.fatal():
                raise real_clients.Broken(producer.fatal())


class WholeSyncs:
    """How often the daemon has synced the whole file system for a round."""

    def __init__(self, daemon):
        self._address = daemon.wait_for_line(r"metrics on (http://\S+)").group(1)

    def count(self):
        with urllib.request.urlopen(self._address, timeout=harness.PATIENCE) as answer:
            found = re.search(r"^tidelog_journal_whole_syncs_total (\d+)", answer.read().decode(), re.MULTILINE)
        return int(found.group(1))

    def wait_for(self, count, ledger):
        give_up = time.monotonic() + 120
        while self.count() < count and ledger.failures.empty():
            if time.monotonic() > give_up:
                raise real_clients.Broken("no round of the journal has synced the whole file system")
            time.sleep(0.02)
