"""A bit that flips is found before a consumer needs the records."""

import os

import harness
from harness import lines


class ScrubTest(harness.BrokerTest):
    def test_damage_is_found_without_a_reader_and_costs_one_batch(self):
        self.start()
        self.create("text", segment_bytes=1048576)
        content = [b"%05d %s\n" % (i, b"z" * 900) for i in range(2000)]
        self.send("text", b"".join(content), "-X", "batch.num.messages=10")
        self.assertEqual(self.daemon.stop(), 0)
        with open(os.path.join(self.data, "text-0", "0" * 20 + ".log"), "r+b") as segment:
            segment.seek(500_000)
            byte = segment.read(1)
            segment.seek(500_000)
            segment.write(bytes([byte[0] ^ 4]))
        # A round is due: the first one may be over.
        os.remove(os.path.join(self.data, ".scrub-progress"))

        self.start()
        found = self.daemon.wait_for_line(
            r"0{20}\.log: positions (\d+) to (\d+) are damaged: the records from offset (\d+) to offset (\d+) are lost")
        begin, end, first, last = map(int, found.groups())
        self.assertTrue(begin <= 500_000 < end)
        self.assertTrue(0 <= last - first < 10)
        self.assertEqual(self.receive("text"), b"".join(content[:first] + content[last + 1:]))
        self.assertEqual(self.daemon.stop(), 0)

    def test_a_segment_that_is_missing_is_found_without_a_reader(self):
        self.start()
        self.create("text", segment_bytes=1048576)
        self.send("text", lines(8000))
        self.assertEqual(self.daemon.stop(), 0)
        folder = os.path.join(self.data, "text-0")
        bases = sorted(int(name[:20]) for name in os.listdir(folder) if name.endswith(".log"))
        self.assertGreater(len(bases), 2)
        os.remove(os.path.join(folder, f"{bases[1]:020}.log"))
        os.remove(os.path.join(self.data, ".scrub-progress"))
        self.start()
        found = self.daemon.wait_for_line(r"text-0: the records from offset (\d+) to offset (\d+) are in no segment")
        self.assertEqual([int(each) for each in found.groups()], [bases[1], bases[2] - 1])
        self.assertEqual(self.receive("text"), lines(bases[1]) + lines(8000 - bases[2], bases[2]))
        self.assertEqual(self.daemon.stop(), 0)

    def test_it_stops_at_once_and_goes_on_later(self):
        self.start("--set", "log.scrub.io.max.bytes.per.second=1000")
        self.create("text", segment_bytes=1048576)
        self.send("text", lines(8000))
        self.assertEqual(self.daemon.stop(), 0)
        # Reading for hours would be the rate; a stop takes no notice of it.
        self.start("--set", "log.scrub.io.max.bytes.per.second=1000")
        self.assertEqual(self.receive("text"), lines(8000))
        self.assertEqual(self.daemon.stop(), 0)


if __name__ == "__main__":
    harness.main()
