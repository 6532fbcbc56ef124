/// What is measured of each sample, and of each shard.
package enum DataMeasure: String, CaseIterable, Codable, Sendable {
  case imageWidth = "image_width"
  case imageHeight = "image_height"
  case imageAspect = "image_aspect"
  case imagePixels = "image_pixels"
  case imageBytes = "image_bytes"
  case captionCharacters = "caption_characters"
  case captionTokens = "caption_tokens"
  case samplesPerShard = "samples_per_shard"

  /// Ratios are kept in thousandths, as whole numbers.
  var scale: Int { self == .imageAspect ? 1000 : 1 }

  var title: String {
    switch self {
    case .imageWidth: "Picture width"
    case .imageHeight: "Picture height"
    case .imageAspect: "Aspect ratio"
    case .imagePixels: "Pixels of a picture"
    case .imageBytes: "Size of a picture's file"
    case .captionCharacters: "Caption length in characters"
    case .captionTokens: "Caption length in tokens"
    case .samplesPerShard: "Samples of a shard"
    }
  }

  var unit: String {
    switch self {
    case .imageWidth, .imageHeight, .imagePixels: "pixels"
    case .imageAspect: "width / height"
    case .imageBytes: "bytes"
    case .captionCharacters: "code points"
    case .captionTokens: "tokens, start and end included"
    case .samplesPerShard: "samples"
    }
  }
}

/// What samples, groups and shards are counted by.
package enum DataTally: String, CaseIterable, Codable, Sendable {
  case language = "languages"
  case format = "formats"
  /// Captions that training would refuse, by reason.
  case badCaption = "bad_captions"
  /// Pictures whose header cannot be read, by reason.
  case badImage = "bad_images"
  /// Groups of members that are no samples, by reason.
  case rejected = "rejected_groups"
  /// Shards that end in damage, by reason.
  case damaged = "damaged_shards"
}
