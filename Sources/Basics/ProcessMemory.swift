#if canImport(Glibc)
  import Glibc
#endif

/// The most memory that this process has had in use so far, in bytes.
package func peakResidentBytes() -> Int {
  var usage = rusage()
  let status = getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  precondition(status == 0)
  // Linux counts in kilobytes.
  return usage.ru_maxrss << 10
}
