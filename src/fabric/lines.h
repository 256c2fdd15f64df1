// How accumulation points are dealt out to the lines of a collection bus (spec dense 8).
#pragma once

namespace cairn::fabric {

// The first 2 * `pairs` lanes come in pairs, which share a line. `restart` deals the others out from line 0 on again.
constexpr int bus_line(int lane, int pairs, int lines, bool restart) {
  if (lane < 2 * pairs) return lane / 2 % lines;
  return (restart ? lane - 2 * pairs : lane) % lines;
}

}  // namespace cairn::fabric
