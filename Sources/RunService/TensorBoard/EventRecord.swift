/// The records of an event file: `Event` messages of TensorBoard's `event.proto` in TFRecord's frames.
enum EventRecord {
  /// The first record of every file.
  static func version(wallTime: Double) -> [UInt8] {
    var event = ProtobufMessage()
    event.add(1, double: wallTime)
    event.add(3, string: "brain.Event:2")
    return framed(event.bytes)
  }

  /// Tells readers that what earlier files say of `step` and later steps no longer counts.
  static func sessionStart(step: Int, wallTime: Double) -> [UInt8] {
    let start: Int64 = 1
    var log = ProtobufMessage()
    log.add(1, int64: start)
    var event = ProtobufMessage()
    event.add(1, double: wallTime)
    event.add(2, int64: Int64(step))
    event.add(7, message: log)
    return framed(event.bytes)
  }

  static func scalars(_ scalars: [(tag: String, value: Double)], step: Int, wallTime: Double) -> [UInt8] {
    var summary = ProtobufMessage()
    for scalar in scalars {
      var value = ProtobufMessage()
      value.add(1, string: scalar.tag)
      value.add(2, float: Float(scalar.value))
      summary.add(1, message: value)
    }
    var event = ProtobufMessage()
    event.add(1, double: wallTime)
    event.add(2, int64: Int64(step))
    event.add(5, message: summary)
    return framed(event.bytes)
  }

  /// Length, masked sum of the length, data, masked sum of the data.
  static func framed(_ data: [UInt8]) -> [UInt8] {
    var record: [UInt8] = []
    record.reserveCapacity(data.count + 16)
    record.append(littleEndian: UInt64(data.count))
    record.append(littleEndian: CRC32C.masked(record))
    record += data
    record.append(littleEndian: CRC32C.masked(data))
    return record
  }
}
