package flashsale.server;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.platform.messaging.DeadLetters;
import flashsale.platform.messaging.Outbox;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OutboxMigrationsTest {
  @ParameterizedTest
  @CsvSource({"catalog, 4", "inventory, 4", "orders, 3", "payments, 4", "reservations, 5"})
  void everyRoleHasTheIndexOfTheLag(String role, int version) throws IOException {
    assertThat(migration(role, version, "outbox_lag")).contains(Outbox.LAG_INDEX);
  }

  @ParameterizedTest
  @CsvSource({"catalog, 5", "inventory, 5", "orders, 5", "payments, 5", "reservations, 7"})
  void everyRoleHasTheIndexOfTheLettersKeys(String role, int version) throws IOException {
    assertThat(migration(role, version, "dead_letter_key")).contains(DeadLetters.KEY_INDEX);
  }

  private static String migration(String role, int version, String name) throws IOException {
    var path = "/db/migration/%s/V%d__%s.sql".formatted(role, version, name);
    try (var sql = Outbox.class.getResourceAsStream(path)) {
      return new String(sql.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
