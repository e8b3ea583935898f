package flashsale.users;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Addresses, passwords and names as they come from outside. */
class AccountTextTest {
  private static final String E_ACUTE = "\u00e9";

  @Test
  void anAddressKeepsItsLocalPartAndIsComparedWithoutCase() {
    var email = Email.parse("  Ann.Smith+Sale@Shop.EXAMPLE \t").orElseThrow();
    assertThat(email.text()).isEqualTo("Ann.Smith+Sale@shop.example");
    assertThat(email.key()).isEqualTo("ann.smith+sale@shop.example");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a@b.c",
        "o'brien!#$%&*+/=?^_`{|}~-@example.com",
        "1@xn--bcher-kva.example",
        "operator@flashsale.localhost"
      })
  void anAddressOfTheUsualFormIsAccepted(String text) {
    assertThat(Email.parse(text)).isPresent();
  }

  @ParameterizedTest
  @NullSource
  @ValueSource(
      strings = {
        "",
        " ",
        "@",
        "a@",
        "@b.example",
        "ann",
        "ann@localhost",
        "ann@@shop.example",
        "a@b@shop.example",
        ".ann@shop.example",
        "ann.@shop.example",
        "a..b@shop.example",
        "a b@shop.example",
        "ann@shop..example",
        "ann@-shop.example",
        "ann@shop-.example",
        "ann@shop.example.",
        "ann@[127.0.0.1]",
        "ann@shop_.example",
        "\"ann\"@shop.example",
        "ann\u0000@shop.example",
        "ann\n@shop.example",
        "ann@shop.example\r\nBcc: x@y.example",
        "änn@shop.example",
        "ann@sh\u00f6p.example",
        "\ud800@shop.example",
        "ann@shop.example'; DROP TABLE users; --"
      })
  void whatIsNoAddressIsRefused(String text) {
    assertThat(Email.parse(text)).isEmpty();
  }

  @Test
  void anAddressHasBounds() {
    var domain = ("d".repeat(60) + ".").repeat(3) + "example";
    assertThat(Email.parse("l".repeat(64) + "@" + "d".repeat(63) + ".example")).isPresent();
    assertThat(Email.parse("l".repeat(65) + "@b.example")).isEmpty();
    assertThat(Email.parse("a@" + "d".repeat(64) + ".example")).isEmpty();
    assertThat(Email.parse("l".repeat(254 - 1 - domain.length()) + "@" + domain)).isPresent();
    assertThat(Email.parse("l".repeat(255 - 1 - domain.length()) + "@" + domain)).isEmpty();
    assertThat(Email.parse("a@" + "b.".repeat(500_000) + "c")).isEmpty();
  }

  @Test
  void theSameKeysPressedElsewhereGiveTheSamePassword() {
    var composed = Password.parse("caf" + E_ACUTE + " au lait");
    assertThat(Password.parse("cafe\u0301\u00a0au\u3000lait")).isEqualTo(composed);
    assertThat(Password.parse("Caf" + E_ACUTE + " au lait")).isNotEqualTo(composed);
    assertThat(Password.parse(" caf" + E_ACUTE + " au lait")).isNotEqualTo(composed);
  }

  @ParameterizedTest
  @NullSource
  @ValueSource(
      strings = {
        "nul\u0000nulnul",
        "line\nbreak",
        "tab\ttab\ttab",
        "c1\u0085control",
        "del\u007fdeldel",
        "lone\ud800surrogate",
        "lone\udc00surrogate",
        "swapped\udc00\ud800",
        "unassigned\u0378",
        "no character \uffff"
      })
  void whatCannotBeTypedIsNoPassword(String text) {
    assertThat(Password.parse(text)).isEmpty();
  }

  @Test
  void aPasswordHasEightTo128Characters() {
    var email = Email.parse("ann@shop.example").orElseThrow();
    var face = "\ud83d\ude00";
    assertThat(Password.parse("1234567").orElseThrow().isStrongFor(email)).isFalse();
    assertThat(Password.parse("12345678").orElseThrow().isStrongFor(email)).isTrue();
    assertThat(Password.parse(face.repeat(7)).orElseThrow().isStrongFor(email)).isFalse();
    assertThat(Password.parse(face.repeat(8)).orElseThrow().isStrongFor(email)).isTrue();
    assertThat(Password.parse(face.repeat(128))).isPresent();
    assertThat(Password.parse(face.repeat(129))).isEmpty();
    assertThat(Password.parse("e\u0301".repeat(128))).isPresent();
    assertThat(Password.parse("x".repeat(1_000_000))).isEmpty();
  }

  @Test
  void aPasswordIsNotTheAddress() {
    var email = Email.parse("Ann@shop.example").orElseThrow();
    assertThat(Password.parse("aNN@SHOP.example ").orElseThrow().isStrongFor(email)).isFalse();
    assertThat(Password.parse("ann@shop.example!").orElseThrow().isStrongFor(email)).isTrue();
  }

  @Test
  void aPasswordIsNotShown() {
    assertThat(Password.parse("correct horse").orElseThrow()).asString().doesNotContain("horse");
    assertThat(RefreshToken.next()).asString().isEqualTo("RefreshToken");
  }

  @Test
  void aNameIsOneLineThatCanBeShown() {
    assertThat(DisplayName.parse("  Rene\u0301e \ud83d\ude00 ").orElseThrow().text())
        .isEqualTo("Ren" + E_ACUTE + "e \ud83d\ude00");
    assertThat(DisplayName.parse("n".repeat(100))).isPresent();
    assertThat(DisplayName.parse("n".repeat(101))).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "   ",
        "a\u0000b",
        "a\nb",
        "a\u2028b",
        "\ud800",
        "turned\u202eround",
        "\u2066"
      })
  void whatCannotBeShownIsNoName(String text) {
    assertThat(DisplayName.parse(text)).isEmpty();
  }
}
