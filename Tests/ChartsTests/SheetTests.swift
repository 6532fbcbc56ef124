import Foundation
import Imaging
import Testing

@testable import Charts

@Suite struct ThumbnailTests {
  @Test(arguments: [(96, 96), (192, 96), (30, 60), (1, 1000), (7, 5)])
  func thumbnailsKeepTheirProportions(width: Int, height: Int) {
    let red = RGBColour(red: 255, green: 0, blue: 0)
    let thumbnail = Thumbnail.square(of: RGBImage(width: width, height: height, fill: red), side: 96)
    #expect(thumbnail.width == 96)
    #expect(thumbnail.height == 96)
    let across = (0..<96).count { thumbnail[$0, 47] == red }
    let down = (0..<96).count { thumbnail[47, $0] == red }
    #expect(max(across, down) == 96)
    #expect(abs(Double(across) / Double(down) - Double(width) / Double(height)) < 0.03)
  }

  @Test func nothingGivesAnEmptySquare() {
    let square = Thumbnail.square(of: RGBImage(width: 0, height: 9), side: 5)
    #expect(square == RGBImage(width: 5, height: 5, fill: ChartColour.backing))
  }
}
