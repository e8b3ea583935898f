package flashsale.checkout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import flashsale.checkout.Flow.Next;
import flashsale.contracts.CheckoutUnavailable;
import flashsale.contracts.Fact;
import flashsale.contracts.Fact.PaymentCaptured;
import flashsale.contracts.Fact.SaleKnown;
import flashsale.contracts.Fact.SaleOpened;
import flashsale.contracts.Fact.StockRefused;
import flashsale.contracts.Line;
import flashsale.contracts.Refusal;
import flashsale.contracts.Step;
import flashsale.platform.batching.Late;
import flashsale.platform.ids.Ids;
import flashsale.platform.messaging.Bus;
import flashsale.platform.messaging.Bus.Message;
import flashsale.platform.messaging.Envelopes;
import flashsale.platform.messaging.Permanent;
import flashsale.platform.metrics.Meters;
import flashsale.platform.persistence.DatabaseFailure;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What must hold although neither the bus nor a role can be relied on. */
class EventedDriverTest {
  private static final Instant NOW = Instant.parse("2026-11-27T09:00:00Z");
  private static final Envelopes<Fact> ENVELOPES = new Envelopes<>(Fact.TYPES);

  /** Takes only the last message of what it is given, and that only from the third time on. */
  private static final class ReluctantBus implements Bus {
    private final Map<String, Handler> handlers = new HashMap<>();
    private final Map<String, List<UUID>> taken = new HashMap<>();
    private int calls;

    @Override
    public Set<UUID> publish(String queue, List<Message> messages) {
      if (++calls < 3) {
        return Set.of();
      }
      var last = messages.getLast().id();
      taken.computeIfAbsent(queue, q -> new ArrayList<>()).add(last);
      return Set.of(last);
    }

    @Override
    public void subscribe(String queue, int batchMax, Handler handler) {
      handlers.put(queue, handler);
    }

    @Override
    public void close() {}
  }

  private final Meters meters = new Meters();
  private final ReluctantBus bus = new ReluctantBus();
  private final SaleOpened opened = new SaleOpened(Ids.next(), NOW, NOW.plusSeconds(60), 600, 3);

  @AfterEach
  void close() {
    meters.close();
  }

  private EventedDriver driver(Step inventory) {
    return new EventedDriver(
        bus,
        new EventedDriver.Settings(16, 16, Duration.ofSeconds(5)),
        Map.of(Next.INVENTORY, inventory),
        fact -> fact instanceof Fact.PaymentCaptured,
        InstantSource.fixed(NOW),
        meters);
  }

  private static Message message(Fact fact) {
    var sealed = ENVELOPES.seal(fact, fact.key(), NOW, null);
    return new Message(sealed.id(), sealed.key(), sealed.envelope(), 0);
  }

  private static StockRefused refused() {
    var line = new Line(Ids.next(), 1, 100);
    return new StockRefused(
        Ids.next(), Ids.next(), List.of(line), "EUR", "", Refusal.SOLD_OUT, line.offerId(), 0, NOW);
  }

  @Test
  void aFactIsDoneOnlyWhenTheBusHasAllThatFollows() {
    var follow = List.<Fact>of(refused(), refused(), refused());
    try (var driver = driver(facts -> follow)) {
      assertThat(driver).isNotNull();
      bus.handlers.get("inventory").handle(Collections.nCopies(3, message(opened)));
    }
    assertThat(bus.taken.get("reservations"))
        .containsExactlyInAnyOrderElementsOf(
            follow.stream().map(ENVELOPES::id).collect(Collectors.toSet()));
  }

  @Test
  void whatTheBusDoesNotTakeStaysInTheOutbox() {
    try (var driver = driver(facts -> facts)) {
      var message = message(opened);
      assertThatThrownBy(() -> driver.handOver(opened, message)).isInstanceOf(Late.class);
      assertThatThrownBy(() -> driver.handOver(opened, message)).isInstanceOf(Late.class);
      driver.handOver(opened, message);
      assertThat(bus.taken).containsEntry("inventory", List.of(message.id()));
    }
  }

  @Test
  void anOutageOfTheRoleIsWaitedFor() {
    var tries = new AtomicInteger();
    Step step =
        facts -> {
          if (tries.incrementAndGet() < 3) {
            throw new DatabaseFailure("away", new SQLException("no route", "08001"));
          }
          return List.of(new SaleKnown(opened.saleId(), 3));
        };
    try (var driver = driver(step)) {
      assertThat(driver).isNotNull();
      bus.handlers.get("inventory").handle(List.of(message(opened)));
    }
    assertThat(tries).hasValue(3);
  }

  @Test
  void moneyThatWasCapturedIsDrivenOnByItsOutboxAlone() {
    var captured =
        new PaymentCaptured(
            Ids.next(), Ids.next(), Ids.next(), Ids.next(), 100, "EUR", "reference", NOW);
    try (var driver = driver(facts -> List.of(captured, refused()))) {
      assertThat(driver).isNotNull();
      bus.handlers.get("inventory").handle(Collections.nCopies(2, message(opened)));
    }
    assertThat(bus.taken).containsOnlyKeys("reservations");
  }

  @Test
  void whatOneFactWaitsForHoldsUpNoOther() {
    var late = new CheckoutUnavailable("no answer to a refund", Duration.ZERO, new Late("late"));
    var tries = new AtomicInteger();
    Step step =
        facts -> {
          tries.incrementAndGet();
          throw late;
        };
    try (var driver = driver(step)) {
      assertThat(driver).isNotNull();
      var handler = bus.handlers.get("inventory");
      assertThatThrownBy(() -> handler.handle(List.of(message(opened)))).isSameAs(late);
    }
    assertThat(tries).hasValue(1);
  }

  @Test
  void aStepThatLosesAFactHasFailed() {
    try (var driver = driver(facts -> List.of())) {
      assertThat(driver).isNotNull();
      var handler = bus.handlers.get("inventory");
      assertThatThrownBy(() -> handler.handle(List.of(message(opened))))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("a step gave 0 answers to 1 facts");
    }
  }

  @Test
  void whatCanNeverBeDoneIsToldApartFromWhatFailed() {
    var failures =
        List.<RuntimeException>of(
            new IllegalArgumentException("cannot be meant"), new IllegalStateException("a bug"));
    var next = failures.iterator();
    try (var driver =
        driver(
            facts -> {
              throw next.next();
            })) {
      assertThat(driver).isNotNull();
      var handler = bus.handlers.get("inventory");
      var batch = List.of(message(opened));
      assertThatThrownBy(() -> handler.handle(batch)).isInstanceOf(Permanent.class);
      assertThatThrownBy(() -> handler.handle(batch))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("a bug");
      var unreadable = List.of(new Message(Ids.next(), Ids.next(), "{}", 0));
      assertThatThrownBy(() -> handler.handle(unreadable)).isInstanceOf(Permanent.class);
    }
  }
}
