import Configuration
import RunService

extension WatchLimits {
  /// Section `watchdog`; nil where it is off.
  static func read(_ reader: ConfigReader) throws -> WatchLimits? {
    let range = 1.0...1e7
    let limits = WatchLimits(
      startUp: try reader.number("watchdog.start_seconds", default: 3600, in: range),
      step: try reader.number("watchdog.step_seconds", default: 1800, in: range),
      checkpoint: try reader.number("watchdog.checkpoint_seconds", default: 3600, in: range),
      evaluation: try reader.number("watchdog.validation_seconds", default: 3600, in: range))
    return try reader.bool("watchdog.enabled", default: true) ? limits : nil
  }
}
