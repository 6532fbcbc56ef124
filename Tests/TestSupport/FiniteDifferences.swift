/// dL/dx by central differences of `loss`, element by element; the error is O(step²) and O(ε / step).
package func finiteDifferences(
  of x: [Double], step: Double, _ loss: ([Double]) -> Double
) -> [Double] {
  x.indices.map { i in
    var (above, below) = (x, x)
    above[i] += step
    below[i] -= step
    return (loss(above) - loss(below)) / (2 * step)
  }
}
