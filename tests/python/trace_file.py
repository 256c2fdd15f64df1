"""Reads a trace of Perfetto back, by its own message definitions, and checks that it is sound."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as proto

Event = proto.TrackEvent


@dataclass
class Slice:
    """Something that lasts; times are in nanoseconds."""

    name: str
    begin: int
    end: int
    depth: int
    facts: dict[str, int]

    def times(self) -> range:
        """Return every nanosecond of it."""
        return range(self.begin, self.end)


@dataclass
class Track:
    """A row of the trace."""

    name: str
    parent: int
    rank: int
    unit: str = ""
    slices: list[Slice] = field(default_factory=list)
    instants: list[tuple[int, str]] = field(default_factory=list)
    values: list[tuple[int, int]] = field(default_factory=list)  # (from when on, value)

    def total(self) -> int:
        """Sum the value over all nanoseconds."""
        assert not self.values or self.values[-1][1] == 0, f"{self.name} never ends"
        pairs = zip(self.values, self.values[1:], strict=False)
        return sum(value * (after - at) for (at, value), (after, _) in pairs)

    def at(self, time: int) -> int:
        """Return the value at a time."""
        found = bisect_right(self.values, time, key=lambda each: each[0])
        return self.values[found - 1][1] if found else 0


class TraceFile:
    """The tracks of a trace by their path, such as "multiplier/multiplications"."""

    def __init__(self, path: Path) -> None:
        """Read every packet; each may use only what came before it."""
        trace = proto.Trace()
        trace.ParseFromString(path.read_bytes())
        assert trace.ByteSize() == path.stat().st_size, "there is more in it than its messages"
        self._tracks: dict[int, Track] = {}
        self._names: dict[int, str] = {}
        self._keys: dict[int, str] = {}
        self._last: dict[int, int] = defaultdict(int)
        self._open: dict[int, list[Slice]] = defaultdict(list)
        first, *others = trace.packet
        assert first.sequence_flags == proto.TracePacket.SEQ_INCREMENTAL_STATE_CLEARED
        for packet in others:
            self._take(packet)
        assert not any(self._open.values()), "a slice has no end"
        self.tracks = {self._path(track): track for track in self._tracks.values()}
        assert len(self.tracks) == len(self._tracks), "two tracks have one path"

    def _take(self, packet: proto.TracePacket) -> None:
        assert packet.trusted_packet_sequence_id == 1
        if packet.HasField("track_descriptor"):
            made = packet.track_descriptor
            assert made.uuid not in self._tracks
            assert made.parent_uuid in self._tracks or not self._tracks
            unit = made.counter.unit_name
            self._tracks[made.uuid] = Track(
                made.name, made.parent_uuid, made.sibling_order_rank, unit
            )
            return
        assert packet.sequence_flags == proto.TracePacket.SEQ_NEEDS_INCREMENTAL_STATE
        for kind, names in (("event_names", self._names), ("debug_annotation_names", self._keys)):
            for each in getattr(packet.interned_data, kind):
                assert each.iid not in names
                assert each.name not in names.values(), f"{each.name} is interned twice"
                names[each.iid] = each.name
        if packet.HasField("track_event"):
            self._event(packet.timestamp, packet.track_event)

    def _event(self, time: int, event: Event) -> None:
        track, stack = self._tracks[event.track_uuid], self._open[event.track_uuid]
        assert time >= self._last[event.track_uuid], f"{track.name} goes back in time"
        self._last[event.track_uuid] = time
        name = event.name or (self._names[event.name_iid] if event.name_iid else "")
        if event.type == Event.TYPE_SLICE_BEGIN:
            facts = {self._keys[each.name_iid]: each.int_value for each in event.debug_annotations}
            stack.append(Slice(name, time, -1, len(stack), facts))
            track.slices.append(stack[-1])
        elif event.type == Event.TYPE_SLICE_END:
            stack.pop().end = time
        elif event.type == Event.TYPE_INSTANT:
            track.instants.append((time, name))
        else:
            assert event.type == Event.TYPE_COUNTER
            assert track.unit
            assert not track.values or track.values[-1][1] != event.counter_value
            track.values.append((time, event.counter_value))

    def _path(self, track: Track) -> str:
        above = self._tracks.get(track.parent)
        if above is None:
            return ""  # the machine
        return f"{self._path(above)}/{track.name}".lstrip("/")

    @property
    def machine(self) -> str:
        return self.tracks[""].name

    @property
    def layers(self) -> list[Slice]:
        return [each for each in self.tracks["layers and rounds"].slices if each.depth == 0]

    @property
    def rounds(self) -> list[Slice]:
        return [each for each in self.tracks["layers and rounds"].slices if each.depth == 1]
