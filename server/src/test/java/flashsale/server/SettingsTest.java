package flashsale.server;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.catalog.Catalogue;
import flashsale.inventory.Ledger;
import flashsale.payments.PaymentDesk;
import flashsale.payments.SandboxGateway;
import flashsale.users.UsersSettings;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class SettingsTest {
  /** OWASP's parameters take about 20 ms of a core. */
  private static final Duration HASH = Duration.ofMillis(20);

  private static final Config DEFAULTS = new ConfigReader().read().config();

  /** The roles know their defaults too, for their own tests; no server runs with others. */
  @Test
  void theRolesAndTheConfigurationMeanTheSameDefaults() {
    assertThat(Settings.users(DEFAULTS.users())).isEqualTo(UsersSettings.defaults());
    assertThat(Settings.ledger(DEFAULTS.inventory())).isEqualTo(Ledger.Settings.DEFAULT);
    assertThat(Settings.catalogue(DEFAULTS)).isEqualTo(Catalogue.Settings.defaults());
    assertThat(Settings.payments(DEFAULTS)).isEqualTo(PaymentDesk.Settings.defaults());
    assertThat(Settings.sandbox(DEFAULTS.payments())).isEqualTo(SandboxGateway.Settings.defaults());
  }

  /** Whoever is let into the queue gets a hash in time, even where one core makes them all. */
  @Test
  void theQueueForHashesPromisesNoMoreThanItsTimeout() {
    var users = DEFAULTS.users();
    assertThat(HASH.multipliedBy(users.hashQueueMax() + 1)).isLessThan(users.hashWaitMax());
  }

  @Test
  void aCommandWaitsLongerThanAnyAudit() {
    var slowest =
        new ConfigReader()
            .flag("checkout.deadline", "1m", "test")
            .flag("http.drain", "1m", "test")
            .flag("inventory.chargeWindow", "1h", "test")
            .read()
            .config();
    assertThat(OperatorClient.ANSWER_MAX)
        .isGreaterThan(Settings.auditPatience(slowest).plusSeconds(60));
  }
}
