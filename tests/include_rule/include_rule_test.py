#!/usr/bin/env python3
"""Shows that the include rule can fail: every kind of breach in a small made-up tree is named with its place."""

import pathlib
import tempfile
import unittest

from include_rule import Checker

TABLE = "base: \nio: base\nstorage: io\nnetwork: base;io\n"
GOOD = {
    "include/tidelog/base/text.hpp": "#pragma once\n#include <string>\n",
    "include/tidelog/io/file.hpp": '#include "tidelog/base/text.hpp"\n',
    "src/storage/log.cpp": '#include "segment.hpp"\n#include <fmt/core.h>\n#include "tidelog/base/text.hpp"\n',
    "src/storage/segment.hpp": '#include "tidelog/io/file.hpp"\n#include "tidelog/storage/log.hpp"\n',
    "src/storage/parts/part.cpp": '#include "../segment.hpp"\n#include "segment.hpp"\n',
    "src/network/listener.cpp": "#include <asio.hpp>\n#include <asio/ip/tcp.hpp>\n",
    "src/CMakeLists.txt": "",
}


class IncludeRuleTest(unittest.TestCase):
    def breaches(self, more=None, table=TABLE):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in {**GOOD, **(more or {})}.items():
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return Checker(folder, table).check()

    def test_good_tree_has_no_breach(self):
        self.assertEqual(self.breaches(), [])

    def test_layer_above_is_refused(self):
        found = self.breaches({"src/io/file.cpp": '\n#include "tidelog/storage/log.hpp"\n'})
        self.assertEqual(found, ["src/io/file.cpp:2: io may not use storage (tidelog/storage/log.hpp)"])

    def test_layer_beside_is_refused_in_public_headers_and_angle_brackets(self):
        found = self.breaches({"include/tidelog/network/l.hpp": "#  include <tidelog/storage/log.hpp>  // why\n"})
        self.assertEqual(found, ["include/tidelog/network/l.hpp:1: network may not use storage (tidelog/storage/log.hpp)"])

    def test_layer_that_is_none_is_refused(self):
        found = self.breaches({"src/io/file.cpp": '#include "tidelog/attic/old.hpp"\n', "src/attic/old.cpp": ""})
        self.assertEqual(
            found,
            [
                "src/attic/old.cpp:1: belongs to no layer of the table",
                "src/io/file.cpp:1: io may not use attic (tidelog/attic/old.hpp)",
            ],
        )

    def test_private_header_of_another_layer_is_refused_however_it_is_written(self):
        more = {"src/network/a.cpp": '#include "segment.hpp"\n#include "../storage/segment.hpp"\n'}
        self.assertEqual(
            self.breaches(more),
            [
                "src/network/a.cpp:1: network includes segment.hpp, a private header of storage",
                "src/network/a.cpp:2: network includes ../storage/segment.hpp, a private header of storage",
            ],
        )

    def test_way_around_through_the_public_folder_is_refused(self):
        found = self.breaches({"src/network/a.cpp": '#include "tidelog/../../src/storage/segment.hpp"\n'})
        self.assertEqual(len(found), 1)
        self.assertIn("leads elsewhere", found[0])

    def test_public_header_may_not_include_a_private_one(self):
        found = self.breaches({"include/tidelog/storage/log.hpp": '#include "segment.hpp"\n'})
        self.assertEqual(
            found,
            ["include/tidelog/storage/log.hpp:1: public header includes segment.hpp, which is not a public header"],
        )

    def test_header_that_is_nowhere_is_refused(self):
        found = self.breaches({"src/io/a.cpp": '#include "nowhere.hpp"\n'})
        self.assertEqual(found, ["src/io/a.cpp:1: includes nowhere.hpp, which src/io has not"])

    def test_libraries_stay_in_their_rooms(self):
        more = {
            "src/storage/a.cpp": '#include <asio/post.hpp>\n#include "asio.hpp"\n',
            "src/network/a.cpp": "#include <spdlog/spdlog.h>\n",
        }
        self.assertEqual(
            self.breaches(more),
            [
                "src/network/a.cpp:1: network may not use spdlog (spdlog/spdlog.h)",
                "src/storage/a.cpp:1: storage may not use asio (asio/post.hpp)",
                "src/storage/a.cpp:2: storage may not use asio (asio.hpp)",
            ],
        )

    def test_include_by_macro_is_refused_and_comments_are_not_read(self):
        text = '/* first\n#include "tidelog/storage/log.hpp"\n*/\n// #include "x"\n#include CHOSEN\n'
        found = self.breaches({"src/io/a.cpp": text})
        self.assertEqual(found, ["src/io/a.cpp:5: includes what is not a plain name"])

    def test_long_files_are_refused_also_in_tests(self):
        more = {"tests/io/long_test.cpp": "\n" * 600, "tests/io/fits_test.cpp": "\n" * 599, "tests/data/l.txt": "\n" * 999}
        found = self.breaches(more)
        self.assertEqual(found, ["tests/io/long_test.cpp:600: has 600 lines; a file has fewer than 600"])

    def test_faults_of_the_table_are_found(self):
        self.assertIn("layers table: io uses itself through others", self.breaches(table=TABLE + "base: storage\n"))
        self.assertIn("layers table: x uses y, which is no layer", self.breaches(table=TABLE + "x: y\n"))
        self.assertIn("layers table: is empty", self.breaches(table=""))

    def test_folder_without_sources_is_no_success(self):
        with tempfile.TemporaryDirectory() as folder:
            found = Checker(folder, TABLE).check()
        self.assertEqual(len(found), 1)
        self.assertIn("no include lines", found[0])


if __name__ == "__main__":
    unittest.main()
