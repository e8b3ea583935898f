package flashsale.server;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.platform.messaging.Outbox;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OutboxMigrationsTest {
  @ParameterizedTest
  @CsvSource({"catalog, 4", "inventory, 4", "orders, 3", "payments, 4", "reservations, 5"})
  void everyRoleHasTheIndexOfTheLag(String role, int version) throws IOException {
    var name = "/db/migration/%s/V%d__outbox_lag.sql".formatted(role, version);
    try (var sql = Outbox.class.getResourceAsStream(name)) {
      assertThat(new String(sql.readAllBytes(), StandardCharsets.UTF_8)).contains(Outbox.LAG_INDEX);
    }
  }
}
