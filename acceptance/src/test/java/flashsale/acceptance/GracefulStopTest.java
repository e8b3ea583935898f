package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.acceptance.Crowd.Promise;
import flashsale.acceptance.TestShop.Ask;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** A server that is told to stop finishes what it has accepted. */
class GracefulStopTest {
  private static final int CUSTOMERS = 32;
  private static final int PROMISES_BEFORE = 500;
  private static final Duration STOP_MAX = Duration.ofSeconds(8);

  @Test
  void everythingAcceptedIsAnsweredAndKept() throws Exception {
    var folder = TemporaryFolder.make();
    Crowd crowd;
    var shop = TestShop.start(folder);
    try {
      var sale = shop.openSale(new Ask(1_000_000, 0, 100));
      crowd =
          Crowd.rush(
              shop.url(), sale, Stream.generate(shop.tokens()::customer).limit(CUSTOMERS).toList());
      await().atMost(Duration.ofSeconds(30)).until(() -> crowd.promised() >= PROMISES_BEFORE);
      long from = System.nanoTime();
      shop.stop();
      assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(STOP_MAX);
      crowd.leave();
    } finally {
      shop.stop();
    }
    assertThat(crowd.surprises()).isEmpty();
    try (var again = TestShop.start(folder)) {
      for (var promise : crowd.promises()) {
        var customer = new Visitor(again.url(), promise.token());
        assertThat(
                customer
                    .get("/api/v1/reservations/" + promise.held().text("reservationId"))
                    .expect(200)
                    .text("state"))
            .isIn(states(promise));
      }
      assertThat(again.sql("reservations").number("SELECT count(*) FROM reservation"))
          .as("reservations, all of which were answered")
          .isEqualTo(crowd.promises().size());
      again.assertAudited();
    }
  }

  /** A payment that was only accepted (202), or refused for the stop (503), may be either. */
  private static List<String> states(Promise promise) {
    if (promise.paid() == null) {
      return List.of("HELD");
    }
    return promise.paid().status() == 201 ? List.of("CONFIRMED") : List.of("HELD", "CONFIRMED");
  }
}
