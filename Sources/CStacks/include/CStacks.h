#pragma once

/// Writes the call stack of every thread of this process to a file, those that are stuck in a loop or in a system call
/// too. A thread that does not answer within half a second is named without a stack. One call at a time.
///
/// Returns the number of stacks, or -1 with `errno`.
int kelip_dump_stacks(int file);
