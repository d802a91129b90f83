"""What an unmodified librdkafka client sees."""

import json
import os
import subprocess
import time

import harness
from harness import lines


class KcatTest(harness.BrokerTest):
    def round_trip(self, codec):
        self.start()
        self.create("text")
        sent = lines(5000)
        # A batch of few lines would stay as it is, where compressed it were no smaller.
        self.send("text", sent, "-z", codec, "-X", "linger.ms=1000", "-X", "batch.num.messages=500")
        self.assertEqual(self.receive("text"), sent)
        self.assertEqual(self.receive("text", 1234), b"".join(sent.splitlines(True)[1234:]))
        self.assertEqual(self.receive("text", -7), b"".join(sent.splitlines(True)[-7:]))
        batches = self.tidelog("log", "dump", os.path.join(self.data, "text-0", "0" * 20 + ".log"), "-o", "json").stdout
        codecs = {json.loads(batch)["compression"] for batch in batches.splitlines()}
        self.assertEqual(codecs, {codec})

    def test_uncompressed_records_come_back_as_they_were(self):
        self.round_trip("none")

    def test_gzip_records_come_back_as_they_were(self):
        self.round_trip("gzip")

    def test_snappy_records_come_back_as_they_were(self):
        self.round_trip("snappy")

    def test_lz4_records_come_back_as_they_were(self):
        self.round_trip("lz4")

    def test_zstd_records_come_back_as_they_were(self):
        self.round_trip("zstd")

    def test_records_are_found_by_their_time(self):
        self.start()
        self.create("text")
        self.send("text", lines(100))
        between = int(time.time() * 1000) + 1
        while int(time.time() * 1000) <= between:
            pass
        self.send("text", lines(100, start=100))
        self.assertEqual(self.receive("text", f"s@{between}"), lines(100, start=100))
        self.assertEqual(self.receive("text", "s@0"), lines(200))

    def test_reading_from_the_end_finds_nothing_old(self):
        self.start()
        self.create("text")
        self.send("text", lines(10))
        self.assertEqual(self.receive("text", "end"), b"")

    def test_a_waiting_consumer_gets_what_comes(self):
        self.start()
        self.create("text")
        self.send("text", lines(1))
        # -c ends it after the tenth record, nine of which are not there yet.
        consumer = subprocess.Popen(["kcat", "-b", self.daemon.address, "-C", "-t", "text", "-p", "0", "-o", "beginning",
                                     "-c", "10", "-q", "-u"], stdout=subprocess.PIPE)
        self.addCleanup(consumer.kill)
        self.assertEqual(consumer.stdout.readline(), lines(1))
        self.send("text", lines(9, start=1))
        rest, _ = consumer.communicate(timeout=harness.PATIENCE)
        self.assertEqual(rest, lines(9, start=1))

    def test_an_idempotent_producer_is_served(self):
        self.start()
        self.create("text")
        sent = lines(3000)
        self.send("text", sent, "-X", "enable.idempotence=true", "-X", "linger.ms=1")
        self.assertEqual(self.receive("text"), sent)
        first = self.tidelog("log", "dump", os.path.join(self.data, "text-0", "0" * 20 + ".log"), "-o", "json").stdout
        self.assertNotIn(b'"producer_id":-1,', first)

    def test_keys_headers_and_nulls_come_back(self):
        self.start()
        self.create("text")
        self.send("text", b"key:value\n:no key\nno value:\n", "-K:", "-Z", "-H", "name=worth")
        got = self.receive("text", "beginning", "-f", "%K|%k|%S|%s|%h\n").decode()
        self.assertEqual(got, "3|key|5|value|name=worth\n-1||6|no key|name=worth\n8|no value|-1||name=worth\n")

    def test_every_acknowledgement_works(self):
        self.start()
        for acks in ("0", "1", "all"):
            topic = f"acks-{acks}"
            self.create(topic)
            self.send(topic, lines(200), "-X", f"request.required.acks={acks}")
            # Without acknowledgement nothing says that it has arrived but its arrival.
            if acks == "0":
                got = self.kcat("-C", "-t", topic, "-p", "0", "-o", "beginning", "-c", "200", "-q").stdout
            else:
                got = self.receive(topic)
            self.assertEqual(got, lines(200), acks)

    def test_a_topic_is_made_when_it_is_first_written_to(self):
        self.start()
        self.send("made", lines(5))
        self.assertEqual(self.receive("made"), lines(5))

    def test_topics_are_listed(self):
        self.start()
        self.create("one")
        self.create("two", partitions=3)
        listing = self.kcat("-L", "-J").stdout.decode()
        self.assertIn('"topic":"one"', listing)
        self.assertIn('"topic":"two"', listing)

    def test_records_larger_than_the_topic_takes_are_refused(self):
        self.start()
        self.create("small", max_message_bytes=2000)
        refused = self.kcat("-P", "-t", "small", "-p", "0", "-X", "message.send.max.retries=0", stdin=b"x" * 5000,
                            check=False)
        self.assertIn(b"too large", refused.stderr.lower() + refused.stdout.lower())
        self.send("small", lines(3))
        self.assertEqual(self.receive("small"), lines(3))


if __name__ == "__main__":
    harness.main()
