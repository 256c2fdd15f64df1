"""The reference's own inputs: its command lines, hardware files (.cfg) and tile files.

Its names (num_ms, dn_bw, ASNETWORK, ...) live in this package only. Everything is translated to a
Cairn machine, operation and tile with the same meaning. What the reference accepts and then ignores
is told as an :class:`IgnoredWarning`; what makes it abort, hang or compute something else is
refused.
"""

from cairn.stonne.command import Command, parse
from cairn.stonne.config import load_machine
from cairn.stonne.hardware import Hardware, IgnoredWarning
from cairn.stonne.tile import Tiling, read_tile

__all__ = ["Command", "Hardware", "IgnoredWarning", "Tiling", "load_machine", "parse", "read_tile"]
