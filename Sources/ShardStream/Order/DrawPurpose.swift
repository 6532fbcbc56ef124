/// Keeps draws apart that are otherwise seeded by the same numbers.
enum DrawPurpose: UInt64 {
  case shardOrder = 1
  case window
  case replacement
  case crop
}
