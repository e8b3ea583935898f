package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.acceptance.TestShop.Ask;
import flashsale.platform.messaging.TestRabbit;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/**
 * Over RabbitMQ: facts go from role to role through queues; and the broker is not to be trusted.
 */
class AsyncOverRabbitTest extends AsyncKit {
  private static final int REQUESTS = 40;

  /** Then a captured payment is taken up by the outbox's relay by itself. */
  private static final Duration AFTER_THE_LEASE = Duration.ofSeconds(10);

  private static final Duration SETTLED_MAX = Duration.ofSeconds(90);

  private final TestRabbit broker = TestRabbit.start();

  @Override
  String[] settings() {
    return new String[] {"messaging.url=" + broker.url()};
  }

  @AfterAll
  void stopTheBroker() {
    broker.close();
  }

  @Test
  void aBrokerThatTakesNothingDelaysAndLosesNothing() {
    var offer = shop.openSale(new Ask(1_000_000, 0, 100)).offerId();
    broker.memoryAlarm(true);
    List<Accepted> accepted;
    try {
      accepted = ask(shop.customer(), offer, "m");
      await().until(() -> health().equals("blocked by the broker"));
    } finally {
      broker.memoryAlarm(false);
    }
    accepted.forEach(AsyncOverRabbitTest::assertHeld);
    assertThat(health()).isEqualTo("UP");
  }

  /** Walked over the queues, it would lie in the outbox for ten seconds, to be walked once more. */
  @Test
  void aCapturedPaymentIsWalkedOnce() {
    var customer = shop.customer();
    var offer = shop.openSale(new Ask(10, 0, 100)).offerId();
    var wait = "respond-async, wait=30";
    var held = reserve(customer, offer, 1, "once", wait).expect(201);
    long from = System.nanoTime();
    pay(customer, held.text("orderId"), "tok_ok", wait).expect(201);
    assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(AFTER_THE_LEASE);
    await()
        .atMost(Duration.ofSeconds(5))
        .until(() -> shop.sql("payments").number("SELECT count(*) FROM outbox") == 0);
    var order = customer.get("/api/v1/orders/" + held.text("orderId")).expect(200);
    assertThat(order.text("state")).isEqualTo("PAID");
  }

  private String health() {
    return shop.anybody().get("/health/ready").expect(200).json().at("/details/RabbitMQ").asText();
  }

  private record Accepted(Visitor customer, Reply reply) {}

  private static List<Accepted> ask(Visitor customer, String offer, String keys) {
    var accepted = new ArrayList<Accepted>();
    for (int i = 0; i < REQUESTS; i++) {
      accepted.add(
          new Accepted(
              customer, reserve(customer, offer, 1, keys + i, "respond-async").expect(202)));
    }
    return accepted;
  }

  private static void assertHeld(Accepted one) {
    var location = one.reply().header("Location");
    var state =
        await()
            .atMost(SETTLED_MAX)
            .until(
                () -> one.customer().get(location).expect(200).text("state"),
                s -> !s.equals("PENDING"));
    assertThat(state).isEqualTo("HELD");
  }
}
