package flashsale.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.EnumSet;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What a process is, and what it must be told about the others. */
class RoleTest {
  private static final String TOKEN = "a secret of more than thirty-two characters";

  private static Config read(Map<String, String> settings) {
    var reader = new ConfigReader();
    settings.forEach((name, text) -> reader.flag(name, text, "test"));
    return reader.read().config();
  }

  @Test
  void aProcessIsEverythingUnlessItIsToldOtherwise() {
    assertThat(read(Map.of()).process().whole()).isTrue();
    assertThat(Role.parse("all")).isEqualTo(EnumSet.allOf(Role.class));
    assertThat(Role.parse("orders, inventory")).containsExactly(Role.INVENTORY, Role.ORDERS);
  }

  @Test
  void aRoleThatDoesNotExistIsRefusedWithTheOneThatWasMeant() {
    assertThatThrownBy(() -> Role.parse("inventry"))
        .hasMessageContaining("Did you mean inventory?");
    for (var wrong : new String[] {"", "all,orders", "orders,,users", "Orders"}) {
      assertThatThrownBy(() -> Role.parse(wrong)).isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> read(Map.of("process.roles", wrong, "doors.token", TOKEN)))
          .isInstanceOf(ConfigRefused.class);
    }
  }

  @Test
  void partOfAShopNeedsTheSecretAndTheOthersAddresses() {
    assertThatThrownBy(() -> read(Map.of("process.roles", "orders")))
        .hasMessageContaining("doors.token");
    assertThatThrownBy(() -> read(Map.of("process.roles", "users", "doors.token", "short")))
        .hasMessageContaining("32 characters");
    assertThatThrownBy(() -> read(Map.of("process.roles", "orders", "doors.token", TOKEN)))
        .hasMessageContaining("peers.ROLE.url");
    var almost =
        Map.of(
            "process.roles", "orders",
            "doors.token", TOKEN,
            "peers.users.url", "http://users:8081",
            "peers.catalog.url", "http://catalog:8081",
            "peers.inventory.url", "ftp://inventory",
            "peers.reservations.url", "http://reservations:8081",
            "peers.payments.url", "http://a:8081, http://b:8081");
    assertThatThrownBy(() -> read(almost)).hasMessageContaining("http://host:port");
  }

  @Test
  void addressesMayBeSeveral() {
    var config = read(Map.of("peers.orders.url", "http://a:1, http://b:2"));
    assertThat(config.peers().urls(Role.ORDERS)).hasSize(2);
    assertThat(config.peers().urls(Role.USERS)).isEmpty();
  }

  @Test
  void theSecretIsNotShown() {
    var config = read(Map.of("doors.token", TOKEN));
    assertThat(config.toString()).doesNotContain(TOKEN);
  }
}
