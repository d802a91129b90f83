#!/usr/bin/env python3
"""Holds the include lines of the sources to the table of layers.

Usage: include_rule.py SOURCE_FOLDER LAYERS_FILE

LAYERS_FILE has a line `name: layer layer ...` for each layer: those it uses directly. Every breach is printed as
`file:line: what is wrong`; the exit code is 1 when there was one.

The rules:
- A file in src/LAYER or include/tidelog/LAYER includes "tidelog/X/..." only if X is its layer or one that the layer
  uses, directly or through others. The table has no circles.
- Headers in src/LAYER are for that layer's sources only; a public header includes no private one.
- Some libraries are for a few layers only (LIBRARY_ROOMS).
- A file has fewer lines than MOST_LINES.
"""

import pathlib
import re
import sys

LIBRARY_ROOMS = {
    "asio": {"network", "client", "app", "tools"},
    "spdlog": {"app"},
}
MOST_LINES = 600
INCLUDE = re.compile(r"^\s*#\s*include\b\s*(.*)$")
NAME = re.compile(r'^(?:<([^>]+)>|"([^"]+)")')
CODE = {".hpp", ".cpp", ".h", ".cc", ".ipp", ".inl"}
COUNTED = CODE | {".py", ".sh", ".cmake", ".txt"}


def read_table(text):
    """The layers that each layer uses directly, and the breaches in the table itself."""
    table, breaches = {}, []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, _, uses = line.partition(":")
        table[name.strip()] = set(re.split(r"[\s;]+", uses.strip())) - {""}
    for name, uses in table.items():
        for unknown in sorted(uses - set(table)):
            breaches.append(f"layers table: {name} uses {unknown}, which is no layer")
    if not table:
        breaches.append("layers table: is empty")
    return table, breaches


def reachable(table, name):
    """The layers used by a layer, directly or through others; itself only when the table has a circle."""
    found, waiting = set(), list(table.get(name, ()))
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting.extend(table.get(each, ()))
    return found


def layer_of(relative):
    """The layer of a file by its path in the source folder; None for a file directly in src or include."""
    parts = relative.parts
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    if parts[:2] == ("include", "tidelog") and len(parts) > 3:
        return parts[2]
    return None


def includes_of(text):
    """(line number, name or None, is quoted) of each include line; comments over several lines are left out."""
    text = re.sub(r"/\*.*?\*/", lambda comment: "\n" * comment.group().count("\n"), text, flags=re.DOTALL)
    for number, line in enumerate(text.splitlines(), 1):
        directive = INCLUDE.match(line)
        if directive:
            name = NAME.match(directive.group(1))
            yield number, (name.group(1) or name.group(2)) if name else None, bool(name and name.group(2))


class Checker:
    def __init__(self, source, table_text):
        self.source = pathlib.Path(source).resolve()
        self.table, self.breaches = read_table(table_text)
        self.allowed = {name: reachable(self.table, name) for name in self.table}
        for name, used in self.allowed.items():
            if name in used:
                self.breaches.append(f"layers table: {name} uses itself through others")
        self.includes_seen = 0

    def check(self):
        for top in ("include", "src", "tests"):
            for file in sorted((self.source / top).rglob("*")):
                relative = file.relative_to(self.source)
                if not file.is_file() or relative.parts[:2] == ("tests", "data"):
                    continue
                if file.suffix in COUNTED:
                    self.check_length(file, relative)
                if file.suffix in CODE and top != "tests":
                    self.check_includes(file, relative)
        if self.includes_seen == 0:
            self.breaches.append(f"{self.source}: has no include lines at all; is it the source folder?")
        return self.breaches

    def say(self, relative, number, what):
        self.breaches.append(f"{relative}:{number}: {what}")

    def check_length(self, file, relative):
        lines = len(file.read_bytes().splitlines())
        if lines >= MOST_LINES:
            self.say(relative, lines, f"has {lines} lines; a file has fewer than {MOST_LINES}")

    def check_includes(self, file, relative):
        layer = layer_of(relative)
        if layer not in self.table:
            self.say(relative, 1, "belongs to no layer of the table")
            return
        for number, name, quoted in includes_of(file.read_text(encoding="utf-8")):
            self.includes_seen += 1
            if name is None:
                self.say(relative, number, "includes what is not a plain name")
            elif name.startswith("tidelog/"):
                self.check_layer(relative, number, layer, name)
            elif quoted:
                self.check_private(file, relative, number, layer, name)
            else:
                self.check_library(relative, number, layer, name)

    def check_layer(self, relative, number, layer, name):
        other = name.split("/")[1]
        if ".." in name.split("/"):
            self.say(relative, number, f"includes {name}, which leads elsewhere")
        elif other != layer and other not in self.allowed[layer]:
            self.say(relative, number, f"{layer} may not use {other} ({name})")

    def check_private(self, file, relative, number, layer, name):
        own = self.source / "src" / layer
        if relative.parts[0] == "include":
            self.say(relative, number, f"public header includes {name}, which is not a public header")
            return
        candidates = [(file.parent / name).resolve(), (own / name).resolve()]
        if any(each.is_file() and each.is_relative_to(own) for each in candidates):
            return
        for other in sorted(self.table):
            room = self.source / "src" / other
            if other != layer and any(
                each.is_file() and each.is_relative_to(room) for each in (*candidates, (room / name).resolve())
            ):
                self.say(relative, number, f"{layer} includes {name}, a private header of {other}")
                return
        self.check_library(relative, number, layer, name, otherwise=f"includes {name}, which src/{layer} has not")

    def check_library(self, relative, number, layer, name, otherwise=None):
        for library, rooms in LIBRARY_ROOMS.items():
            if re.match(rf"(boost/)?{library}(\.hpp$|/)", name):
                if layer not in rooms:
                    self.say(relative, number, f"{layer} may not use {library} ({name})")
                return
        if otherwise:
            self.say(relative, number, otherwise)


def main(arguments):
    if len(arguments) != 2:
        print(__doc__.splitlines()[2], file=sys.stderr)
        return 2
    checker = Checker(arguments[0], pathlib.Path(arguments[1]).read_text(encoding="utf-8"))
    breaches = checker.check()
    for each in breaches:
        print(each)
    print(f"{checker.includes_seen} include lines, {len(checker.table)} layers, {len(breaches)} breaches")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
