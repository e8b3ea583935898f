package flashsale.platform.ids;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

final class IdsTest {
  private static final UUID SCOPE = UUID.fromString("0195a3c0-0000-7000-8000-000000000001");

  @Test
  void laterIdsSortLater() {
    var ids = new ArrayList<UUID>();
    for (int i = 0; i < 10_000; i++) {
      ids.add(Ids.next());
    }
    assertThat(ids).doesNotHaveDuplicates().isSortedAccordingTo(Comparator.naturalOrder());
    assertThat(ids.getFirst().version()).isEqualTo(7);
    assertThat(ids.getFirst().variant()).isEqualTo(2);
  }

  @Test
  void aDerivedIdIsAlwaysTheSameAndItsNamesAlone() {
    var id = Ids.derive(SCOPE, "key");
    assertThat(Ids.derive(SCOPE, "key")).isEqualTo(id);
    assertThat(Ids.derive(SCOPE, "Key")).isNotEqualTo(id);
    assertThat(Ids.derive(Ids.next(), "key")).isNotEqualTo(id);
    assertThat(id.version()).isEqualTo(8);
    assertThat(id.variant()).isEqualTo(2);
    // Stored ids depend on it: it must never come out differently.
    assertThat(id).hasToString("d3a57702-763c-8023-ae50-78f87241b52b");
  }

  @Test
  void onlyTheCanonicalFormIsAnId() {
    assertThat(Ids.parse(SCOPE.toString())).contains(SCOPE);
    assertThat(Ids.parse("0195A3C0-0000-7000-8000-000000000001")).contains(SCOPE);
    for (var text :
        List.of(
            "",
            "1-1-1-1-1",
            "0195a3c000007000800000000000000100ff",
            "0195a3c0-0000-7000-80000-00000000001",
            "0195a3c0-0000-7000-8000-00000000000g",
            "+195a3c0-0000-7000-8000-000000000001",
            " 195a3c0-0000-7000-8000-000000000001",
            "0195a3c0-0000-7000-8000-0000000000011")) {
      assertThat(Ids.parse(text)).as(text).isEmpty();
    }
    assertThat(Ids.parse(null)).isEmpty();
  }
}
