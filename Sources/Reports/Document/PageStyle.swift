/// How reports look, in light and in dark.
enum PageStyle {
  /// Runs or series that colours tell apart; later ones are dashed.
  static let colourCount = 8

  /// Okabe and Ito's, 2008, made readable on white and on black.
  static let colours = """
    :root { --paper: #ffffff; --ink: #1f2328; --quiet: #636c76; --line: #d8dee4; --grid: #e9edf1; --soft: #f6f8fa;
      --alarm: #c9302c; --c0: #0072b2; --c1: #d55e00; --c2: #00876a; --c3: #b0548f; --c4: #b58900; --c5: #3aa0d8;
      --c6: #6f5fc6; --c7: #4d5560; }
    @media (prefers-color-scheme: dark) {
      :root { --paper: #0f1419; --ink: #e2e7ec; --quiet: #9aa5b1; --line: #313a44; --grid: #232b33; --soft: #171d24;
        --alarm: #ff7b72; --c0: #56a8e8; --c1: #f28e3c; --c2: #2fbf9b; --c3: #dd8fbf; --c4: #dcb93c; --c5: #8fd0f5;
        --c6: #a99bf0; --c7: #b3bcc6; }
    }
    """

  static let page = """
    * { box-sizing: border-box; }
    html { -webkit-text-size-adjust: 100%; }
    body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.5; font-size: 15px;
      font-family: system-ui, -apple-system, "Segoe UI", "Noto Sans KR", "Noto Sans CJK KR", "Apple SD Gothic Neo",
      "Malgun Gothic", NanumGothic, sans-serif; overflow-wrap: break-word; }
    main { max-width: 1280px; margin: 0 auto; padding: 24px 20px 64px; }
    h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; letter-spacing: -0.01em; }
    h2 { font-size: 20px; margin: 48px 0 12px; padding-top: 14px; border-top: 1px solid var(--line); }
    h3 { font-size: 16px; margin: 32px 0 8px; }
    p { margin: 6px 0; max-width: 78ch; }
    .note { color: var(--quiet); font-size: 13px; margin: 4px 0 12px; }
    nav { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 12px 0; }
    a { color: var(--c0); }
    .notes { border-left: 3px solid var(--c4); background: var(--soft); margin: 12px 0; padding: 8px 12px 8px 30px;
      font-size: 14px; }
    .tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(158px, 1fr)); gap: 10px; margin: 16px 0; }
    .tiles div { background: var(--soft); border: 1px solid var(--line); border-radius: 8px; padding: 8px 12px; }
    dt { color: var(--quiet); font-size: 12.5px; }
    dd { margin: 0; font-size: 19px; font-weight: 600; font-variant-numeric: tabular-nums; }
    .table { overflow: auto; margin: 8px 0; border: 1px solid var(--line); border-radius: 8px;
      max-width: 100%; width: fit-content; }
    .long { max-height: 640px; }
    .run { white-space: nowrap; }
    table { border-collapse: collapse; font-size: 13.5px; }
    th { text-align: left; font-weight: 600; color: var(--quiet); background: var(--soft); position: sticky; top: 0;
      white-space: nowrap; }
    th, td { padding: 4px 12px; vertical-align: top; }
    tbody tr + tr td { border-top: 1px solid var(--grid); }
    td { max-width: 70ch; white-space: pre-line; }
    .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
    .strong { font-weight: 650; }
    .charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(360px, 100%), 1fr)); gap: 14px; }
    figure { margin: 0; }
    .charts figure { border: 1px solid var(--line); border-radius: 8px; padding: 8px 6px 4px; }
    .picture { overflow-x: auto; margin: 8px 0; }
    .picture img { max-width: 100%; height: auto; background: #fff; border-radius: 8px; }
    details { margin: 10px 0; }
    summary { cursor: pointer; color: var(--c0); }
    pre { background: var(--soft); border: 1px solid var(--line); border-radius: 8px; padding: 12px; overflow-x: auto;
      font-size: 12.5px; line-height: 1.45;
      font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", NanumGothicCoding, monospace; }
    i[class^=k] { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 6px; }
    \(numbered { "i.k\($0) { background: var(--c\($0)); }" })
    @media (max-width: 600px) { main { padding: 16px 12px 48px; } h1 { font-size: 22px; } th, td { padding: 4px 8px; }
      td:first-child { overflow-wrap: anywhere; min-width: 9em; } td.n:first-child { min-width: 0; }
      .tiles { grid-template-columns: 1fr 1fr; } }
    @media print { .table { max-height: none; } figure, .tiles div { break-inside: avoid; } }
    """

  static let chart = """
    svg.chart { display: block; width: 100%; height: auto; }
    .chart { font-family: system-ui, -apple-system, "Segoe UI", "Noto Sans KR", "Noto Sans CJK KR", NanumGothic,
      sans-serif; font-size: 11px; }
    .chart text { fill: var(--quiet); }
    .chart .title { fill: var(--ink); font-size: 13px; font-weight: 600; }
    .chart .key { fill: var(--ink); }
    .chart .small { font-size: 9.5px; }
    .chart .grid { stroke: var(--grid); }
    .chart .axis { stroke: var(--quiet); }
    .chart .line { fill: none; stroke-width: 1.5; stroke-linejoin: round; }
    .chart .band { stroke: none; opacity: 0.22; }
    .chart .gone { stroke: var(--alarm); stroke-width: 1.5; }
    .chart .dashed { stroke-dasharray: 5 3; }
    \(numbered { ".chart .s\($0) { stroke: var(--c\($0)); } .chart .f\($0) { fill: var(--c\($0)); }" })
    """

  private static func numbered(_ rule: (Int) -> String) -> String {
    (0..<colourCount).map(rule).joined(separator: "\n")
  }
}
