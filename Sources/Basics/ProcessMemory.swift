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

/// Bytes of the process that lie in memory now.
package func residentBytes() -> Int {
  guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
  let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
  return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
}

/// Seconds of processor time that all threads of the process have used, in the program and in the kernel.
package func processorSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
