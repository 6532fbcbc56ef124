import Basics
import Foundation

/// `1 line`, `2 lines`.
func counted(_ count: Int, _ noun: String, plural: String? = nil) -> String {
  "\(count.digitGrouped) \(count == 1 ? noun : plural ?? noun + "s")"
}

/// `1 h 2 min`, `3.4 s`.
func duration(_ seconds: Double) -> String {
  guard seconds.isFinite, seconds >= 0, seconds < 1e12 else { return "–" }
  if seconds < 60 { return String(format: seconds < 10 ? "%.1f s" : "%.0f s", seconds) }
  let total = Int(seconds.rounded())
  let (days, hours, minutes) = (total / 86400, total / 3600 % 24, total / 60 % 60)
  if days > 0 { return "\(days) d \(hours) h" }
  return hours > 0 ? "\(hours) h \(minutes) min" : "\(minutes) min \(total % 60) s"
}

/// `1.2 GB`, in powers of 1000.
func byteText(_ count: Int) -> String {
  for (size, unit) in [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")] where Double(count) >= size {
    return String(format: "%.1f %@", Double(count) / size, unit)
  }
  return "\(count) bytes"
}

/// `2026-11-22 18:00:52`, UTC.
func timeText(_ time: Date) -> String {
  let text = time.formatted(.iso8601)
  return text.replacing("T", with: " ").replacing("Z", with: "")
}

func percentText(_ share: Double) -> String { share.isFinite ? String(format: "%.1f %%", 100 * share) : "–" }
