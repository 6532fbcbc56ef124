import Testing

@testable import Captions

@Suite struct CleaningTests {
  @Test(arguments: [
    ("e\u{301}", "é"), ("각", "각"), ("\u{1100}\u{1161}\u{11A8}", "각"), ("\u{AC00}\u{11A8}", "각"),
    ("👩‍🚀", "👩‍🚀"), ("plain", "plain"), ("", ""),
  ])
  func compositionIsUnicodes(text: String, expected: String) {
    #expect(CleaningStep.nfc.apply(to: text).unicodeScalars.elementsEqual(expected.unicodeScalars))
  }

  @Test(arguments: [
    ("Tom &amp; Jerry", "Tom & Jerry"), ("&lt;3 &quot;x&quot; &apos;y&apos;", "<3 \"x\" 'y'"),
    ("&copy;&nbsp;2020 &eacute;&hellip;", "©\u{A0}2020 é…"), ("&#44032;&#xAC01;&#X1F600;", "가각😀"),
    ("&amp;amp;#39;", "'"), ("AT&T R&D &; &#; &#x; &nosuch; &amp", "AT&T R&D &; &#; &#x; &nosuch; &amp"),
    ("&#0;&#xD800;&#1114112;&#99999999999;", "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
    ("&#128;&#150;&#x81;", "€–\u{81}"), ("&#+5;&#-5;&#5a;", "&#+5;&#-5;&#5a;"), ("&#x;&", "&#x;&"),
    ("&thetasym; &가; &&amp;;", "ϑ &가; &&;"), ("빵&amp;커피", "빵&커피"),
    ("&#000000000000000000065;", "&#000000000000000000065;"),
  ])
  func entitiesBecomeCharacters(text: String, expected: String) {
    let decoded = HTMLEntities.decoded(Array(text.utf8))
    #expect(String(decoding: decoded, as: UTF8.self).unicodeScalars.elementsEqual(expected.unicodeScalars))
  }

  @Test(arguments: [
    ("a < b", "a < b"), ("a<b and c>d", "ad"), ("x <y and z> 3", "x <y and z> 3"), ("I <3 you", "I <3 you"),
    ("<b>bold</b>face", "boldface"), ("one<br/>two<BR>three", "one two three"), ("<p>글</p>", " 글 "),
    ("<a href=\"x>y\" title='>'>link</a>", "link"), ("<img src=a.jpg", "<img src=a.jpg"),
    ("a<!-- hidden > -->b", "ab"), ("a<!-- open", "a<!-- open"), ("<b", "<b"), ("</", "</"), ("<", "<"),
    ("<script>if (a < b) x()</script>after", " after"), ("<style>p{}", " p{}"), ("<figure>f</figure>", " f "),
    ("<bold>x", "<bold>x"), ("<b-x>y", "<b-x>y"), ("<i <b>x", "<i x"), ("5 <6> 7", "5 <6> 7"),
    ("<사진>", "<사진>"), ("it's <em class=x>don't</em>", "it's don't"),
  ])
  func tagsGoAndComparisonsStay(text: String, expected: String) {
    #expect(CleaningStep.html.apply(to: text) == expected)
  }

  @Test func escapedTagsGoToo() {
    #expect(CleaningStep.html.apply(to: "&lt;b&gt;Sale&lt;/b&gt; a &lt; b") == "Sale a < b")
  }

  @Test(arguments: [
    ("see http://a.kr/b?c=d&e=f#g now", "see  now"), ("(https://a.kr/x).", "()."), ("HTTP://A.KR", ""),
    ("http://a.kr에서", "에서"), ("www.shop.com, 할인", ", 할인"), ("awww.cute", "awww.cute"),
    ("http://", "http://"), ("www. x", "www. x"), ("ftp://h/p", ""), ("\"http://a.b\"", "\"\""),
    ("wow http", "wow http"), ("사진http://a.kr", "사진"),
  ])
  func addressesGo(text: String, expected: String) {
    #expect(CleaningStep.urls.apply(to: text) == expected)
  }

  @Test(arguments: [
    ("mail a.b+c@site.co.kr.", "mail ."), ("@handle a@b x@y.z", "@handle a@b x@y.z"), ("@a.com", "@a.com"),
    ("문의:kim@naver.com으로", "문의:으로"), ("a@b.com,c@d.org", ","), ("x@-.com@", "x@-.com@"),
  ])
  func mailAddressesGo(text: String, expected: String) {
    #expect(CleaningStep.emails.apply(to: text) == expected)
  }

  @Test(arguments: [
    ("a\u{0}b\u{7F}\u{9F}c", "abc"), ("\u{FEFF}글\u{200B}자\u{AD}", "글자"), ("a\tb\r\nc\u{2028}d", "a b  c d"),
    ("\u{202E}abc\u{202C} \u{200F}שלום\u{200E}", "abc שלום"), ("👨‍👩‍👧 ❤️ 👋🏽 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "👨‍👩‍👧 ❤️ 👋🏽 🏴󠁧󠁢󠁥󠁮󠁧󠁿"),
    ("می‌خواهم", "می‌خواهم"),
  ])
  func invisibleCharactersGo(text: String, expected: String) {
    let cleaned = CleaningStep.control.apply(to: text)
    #expect(cleaned.unicodeScalars.elementsEqual(expected.unicodeScalars))
  }

  @Test(arguments: [
    ("  a \t\n b  ", "a b"), ("\u{3000}한\u{A0}\u{A0}글\u{3164}", "한 글"), ("\u{2800}", ""), ("", ""),
    ("a", "a"),
  ])
  func whiteSpaceIsCollapsed(text: String, expected: String) {
    #expect(CleaningStep.whitespace.apply(to: text) == expected)
  }

  @Test func noncharactersGo() {
    for value: UInt32 in [0xFFFE, 0x1FFFF, 0x10FFFE, 0xFDD0, 0xFDEF] {
      let text = "a" + String(Character(Unicode.Scalar(value)!)) + "b"
      #expect(CleaningStep.control.apply(to: text) == "ab")
    }
  }

  @Test func stepsRunInTheirOrderAndTwiceIsOnce() {
    let text = " <p>Blue &amp; red\u{200B} car</p>\n https://x.com/1 mail@x.com e\u{301} "
    let once = CleaningStep.allCases.apply(to: text)
    #expect(once == "Blue & red car é")
    #expect(CleaningStep.allCases.apply(to: once) == once)
  }

  @Test func anyBytesAreCleanedWithoutATrap() {
    var state: UInt64 = 7
    let alphabet = Array("<>&#;x!-/b\"'=@.w:h \u{AC00}\u{1100}\u{1161}\u{301}👩\u{200D}".unicodeScalars)
    for length in 0..<400 {
      var text = String.UnicodeScalarView()
      for _ in 0..<(length % 41) {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        text.append(alphabet[Int(state >> 33) % alphabet.count])
      }
      for step in CleaningStep.allCases {
        #expect(step.apply(to: String(text)).utf8.count <= String(text).utf8.count + 2)
      }
    }
  }
}
