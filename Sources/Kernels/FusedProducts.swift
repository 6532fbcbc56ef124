import CKernels

/// Products by our own kernels, which do what follows while a result is in cache.
protocol FusedProducts<S>: LinearProducts {
  associatedtype Product: FusedProduct

  /// y = x · W (+ b), as it is handed to the kernel.
  func forwardProduct(
    _ x: UnsafePointer<S>, _ bias: UnsafePointer<Float>?, _ y: UnsafeMutableRawPointer, _ rows: Int
  ) -> Product
  /// dX = dY · Wᵀ.
  func backwardProduct(_ dy: UnsafePointer<S>, _ dx: UnsafeMutableRawPointer, _ rows: Int) -> Product
}

extension FusedProducts {
  func forward(_ x: UnsafePointer<S>, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<S>, rows: Int)
  {
    forwardProduct(x, bias, y, rows).multiply()
  }

  func forward(
    _ x: UnsafePointer<S>, bias: UnsafePointer<Float>?, through activation: ActivationPass<S>,
    into y: UnsafeMutablePointer<S>, rows: Int
  ) {
    var product = forwardProduct(x, bias, y, rows)
    let epilogue = activation.kind == .quickGELU ? KELIP_STORE_QUICK_GELU : KELIP_STORE_GELU
    product.add(epilogue, activation.input)
    product.multiply()
  }

  func backwardInput(_ dy: UnsafePointer<S>, into dx: UnsafeMutablePointer<S>, rows: Int) {
    backwardProduct(dy, dx, rows).multiply()
  }

  func backwardInput(
    _ dy: UnsafePointer<S>, through activation: ActivationPass<S>, into dx: UnsafeMutablePointer<S>, rows: Int
  ) {
    var product = backwardProduct(dy, dx, rows)
    let epilogue =
      activation.kind == .quickGELU ? KELIP_STORE_QUICK_GELU_BACKWARD : KELIP_STORE_GELU_BACKWARD
    product.add(epilogue, activation.input)
    product.multiply()
  }
}

/// One call of a kernel.
protocol FusedProduct {
  /// - Parameter saved: the activation's input.
  mutating func add(_ epilogue: KelipEpilogue, _ saved: UnsafeMutableRawPointer)
  /// Does nothing where there are no rows.
  func multiply()
}

extension KelipProduct: FusedProduct {
  mutating func add(_ epilogue: KelipEpilogue, _ saved: UnsafeMutableRawPointer) {
    (self.epilogue, self.saved) = (Int32(epilogue.rawValue), saved)
  }

  func multiply() {
    guard m > 0 else { return }
    withUnsafePointer(to: self) { kelip_multiply($0) }
  }
}

extension KelipFloatProduct: FusedProduct {
  mutating func add(_ epilogue: KelipEpilogue, _ saved: UnsafeMutableRawPointer) {
    (self.epilogue, self.saved) = (Int32(epilogue.rawValue), saved.assumingMemoryBound(to: Float.self))
  }

  func multiply() {
    guard m > 0, k > 0 else { return }
    withUnsafePointer(to: self) { kelip_multiply_floats($0) }
  }
}
