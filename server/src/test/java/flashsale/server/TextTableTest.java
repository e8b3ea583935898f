package flashsale.server;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class TextTableTest {
  @Test
  void figuresStandAtTheRightAndWordsAtTheLeft() {
    var table = new TextTable("offer", "units").row("Parka", 50).row("Titanium stove", 1200);

    assertThat(table)
        .hasToString(
            """
            offer           units
            Parka              50
            Titanium stove   1200
            """);
  }
}
