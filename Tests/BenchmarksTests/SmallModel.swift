import Towers

/// Small enough for a thousand steps in a second or two; every kind of layer and odd row counts.
let smallModel = ModelConfig(
  embedDim: 16, quickGelu: true,
  vision: VisionTransformerConfig(imageSize: 16, patchSize: 8, width: 32, layers: 2, headWidth: 16),
  text: TextTransformerConfig(contextLength: 9, vocabSize: 50, width: 32, heads: 2, layers: 2))
