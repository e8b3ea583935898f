package flashsale.inventory;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.contracts.Fact;
import flashsale.contracts.Fact.HoldOverdue;
import flashsale.contracts.Fact.OfferAllocated;
import flashsale.contracts.Fact.OrderRefunded;
import flashsale.contracts.Fact.PaymentCaptured;
import flashsale.contracts.Fact.PaymentRequested;
import flashsale.contracts.Fact.ReleaseRequested;
import flashsale.contracts.Fact.ReservationRequested;
import flashsale.contracts.Fact.SaleClosed;
import flashsale.contracts.Fact.SaleOpened;
import flashsale.contracts.Fact.SalePaused;
import flashsale.contracts.Fact.SaleScheduled;
import flashsale.contracts.Fact.StockHeld;
import flashsale.contracts.Line;
import flashsale.platform.ids.Ids;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.lifecycle.AfterContainer;

/**
 * The ledger does what a plain model does, whatever comes in whatever order, and however it is
 * split into batches: one ledger gets every fact alone, another gets them in batches, and both
 * answer and keep what the model answers and keeps.
 */
class LedgerModelTest {
  private static final int SALES = 2;
  private static final int OFFERS = 4;
  private static final int CUSTOMERS = 3;
  private static final int RESERVATIONS = 12;

  private static final TestLedger ALONE = new TestLedger();
  private static final TestLedger BATCHED = new TestLedger();

  /** What a fact may be about. */
  enum Kind {
    HOLD,
    RELEASE,
    OVERDUE,
    PAY,
    CAPTURE,
    REFUND,
    ALLOCATE,
    SCHEDULE,
    OPEN,
    PAUSE,
    CLOSE
  }

  /** A fact in numbers; what does not belong to its kind plays no part. */
  record Op(Kind kind, int reservation, int offer, int quantity, int second, long version) {}

  /** The clock moves, then a batch comes. */
  record Step(int advanceSeconds, List<Op> batch) {}

  /** The ids that the numbers of one history stand for. */
  private record Names(List<UUID> sales, List<UUID> offers, List<UUID> customers, List<UUID> ids) {
    static Names fresh() {
      return new Names(some(SALES), some(OFFERS), some(CUSTOMERS), some(RESERVATIONS));
    }

    private static List<UUID> some(int count) {
      return IntStream.range(0, count).mapToObj(i -> Ids.next()).toList();
    }
  }

  @AfterContainer
  static void close() {
    ALONE.close();
    BATCHED.close();
  }

  @Provide
  Arbitrary<List<Step>> histories() {
    Arbitrary<Kind> kinds =
        Arbitraries.frequency(
            net.jqwik.api.Tuple.of(16, Kind.HOLD),
            net.jqwik.api.Tuple.of(4, Kind.RELEASE),
            net.jqwik.api.Tuple.of(4, Kind.OVERDUE),
            net.jqwik.api.Tuple.of(4, Kind.PAY),
            net.jqwik.api.Tuple.of(6, Kind.CAPTURE),
            net.jqwik.api.Tuple.of(4, Kind.REFUND),
            net.jqwik.api.Tuple.of(3, Kind.ALLOCATE),
            net.jqwik.api.Tuple.of(1, Kind.SCHEDULE),
            net.jqwik.api.Tuple.of(3, Kind.OPEN),
            net.jqwik.api.Tuple.of(1, Kind.PAUSE),
            net.jqwik.api.Tuple.of(1, Kind.CLOSE));
    var ops =
        Combinators.combine(
                kinds,
                Arbitraries.integers().between(0, RESERVATIONS - 1),
                Arbitraries.integers().between(0, OFFERS - 1),
                Arbitraries.integers().between(1, 4),
                Arbitraries.integers().between(0, 2 * OFFERS),
                Arbitraries.longs().between(2, 40))
            .as(Op::new);
    var advances =
        Arbitraries.frequencyOf(
            net.jqwik.api.Tuple.of(4, Arbitraries.integers().between(0, 5)),
            net.jqwik.api.Tuple.of(2, Arbitraries.integers().between(50, 130)),
            net.jqwik.api.Tuple.of(1, Arbitraries.integers().between(-100, -1)));
    return Combinators.combine(advances, ops.list().ofMinSize(1).ofMaxSize(14))
        .as(Step::new)
        .list()
        .ofMinSize(3)
        .ofMaxSize(10);
  }

  @Property(tries = 60, shrinking = ShrinkingMode.BOUNDED, edgeCases = EdgeCasesMode.NONE)
  void theLedgerDoesWhatThePlainModelDoes(@ForAll("histories") List<Step> history) {
    var names = Names.fresh();
    var model = new PlainLedger();
    step(model, names, 0, openingOf(names));
    for (var step : history) {
      var now = ALONE.now().plusSeconds(step.advanceSeconds());
      step(
          model,
          names,
          step.advanceSeconds(),
          step.batch().stream().map(op -> fact(op, names, now)).toList());
    }
  }

  private static List<Fact> openingOf(Names names) {
    var opening = new ArrayList<Fact>();
    for (var sale : names.sales) {
      opening.add(opened(sale, ALONE.now(), 1));
    }
    for (int i = 0; i < OFFERS; i++) {
      opening.add(new OfferAllocated(names.offers.get(i), sale(names, i), 3 + 2 * i, 2 * i, 1));
    }
    return opening;
  }

  private static UUID sale(Names names, int offer) {
    return names.sales.get(offer % SALES);
  }

  private static SaleOpened opened(UUID sale, Instant now, long version) {
    return new SaleOpened(
        sale, now, now.plusSeconds(1_000), PlainLedger.holdSeconds(version), version);
  }

  /** Gives the facts to the model and to both ledgers, and compares all there is. */
  private static void step(PlainLedger model, Names names, int advanceSeconds, List<Fact> facts) {
    ALONE.clock.advance(Duration.ofSeconds(advanceSeconds));
    BATCHED.clock.advance(Duration.ofSeconds(advanceSeconds));
    var batch = new ArrayList<Fact>();
    var expected = new ArrayList<Fact>();
    for (var fact : facts) {
      boolean first = !model.reservations.containsKey(fact.key());
      var answer = model.apply(fact, ALONE.now());
      if (answer.isPresent()) {
        batch.add(fact);
        expected.add(answer.get());
        if (first && answer.get() instanceof StockHeld held) {
          nobodyIsAboveTheLimit(model, held);
        }
      }
    }
    if (batch.isEmpty()) {
      return;
    }
    assertThat(BATCHED.ledger.apply(batch)).isEqualTo(expected);
    for (int i = 0; i < batch.size(); i++) {
      assertThat(ALONE.apply(batch.get(i))).isEqualTo(expected.get(i));
    }
    keepsWhatTheModelKeeps(BATCHED, model, names);
    keepsWhatTheModelKeeps(ALONE, model, names);
  }

  private static void nobodyIsAboveTheLimit(PlainLedger model, StockHeld held) {
    for (var line : held.lines()) {
      int limit = model.offers.get(line.offerId()).limitPerCustomer();
      if (limit > 0) {
        assertThat(model.unitsOf(line.offerId(), held.customerId())).isLessThanOrEqualTo(limit);
      }
    }
  }

  private static Fact fact(Op op, Names names, Instant now) {
    var id = names.ids.get(op.reservation);
    var customer = names.customers.get(op.reservation % CUSTOMERS);
    var offer = names.offers.get(op.offer);
    var sale = sale(names, op.offer);
    // Two payments may be tried for a reservation; its order is one.
    var payment = new UUID(id.getMostSignificantBits(), op.quantity % 2);
    int hold = PlainLedger.holdSeconds(op.version);
    var closesAt = now.plusSeconds(200L * op.quantity);
    return switch (op.kind) {
      case HOLD ->
          new ReservationRequested(id, customer, lines(op, names), "EUR", "f" + op.version, now);
      case RELEASE -> new ReleaseRequested(id, customer, now);
      case OVERDUE -> new HoldOverdue(id, now);
      case PAY -> new PaymentRequested(payment, id, id, customer, 1, "EUR", "tok_ok", now);
      case CAPTURE -> new PaymentCaptured(payment, id, id, customer, 1, "EUR", "ref", now);
      case REFUND -> new OrderRefunded(id, id, customer, now);
      case ALLOCATE ->
          new OfferAllocated(offer, sale, 3 * op.second, 2 * (op.quantity - 1), op.version);
      case SCHEDULE ->
          new SaleScheduled(sale, now.plusSeconds(op.second), closesAt, hold, op.version);
      case OPEN -> new SaleOpened(sale, now, closesAt, hold, op.version);
      case PAUSE -> new SalePaused(sale, now, closesAt, hold, op.version);
      case CLOSE -> new SaleClosed(sale, now, closesAt, hold, op.version);
    };
  }

  /** One line, or two, of one offer perhaps; now and then of one that nobody knows. */
  private static List<Line> lines(Op op, Names names) {
    var lines = new ArrayList<Line>();
    lines.add(new Line(names.offers.get(op.offer), op.quantity, 100));
    if (op.second < OFFERS) {
      lines.add(new Line(names.offers.get(op.second), 1, 200));
    } else if (op.second == 2 * OFFERS) {
      lines.add(new Line(names.sales.getFirst(), 1, 300));
    }
    return lines;
  }

  // --- what is kept ----------------------------------------------------------------------------

  private static void keepsWhatTheModelKeeps(TestLedger shop, PlainLedger model, Names names) {
    var stock = new TreeSet<String>();
    var allotments = new TreeSet<String>();
    for (var offer : model.offers.values()) {
      var id = offer.offerId();
      stock.add(
          "%s %d %d %d %d %d"
              .formatted(
                  id,
                  offer.allocated(),
                  model.available(id),
                  model.held(id),
                  model.sold(id),
                  offer.limitPerCustomer()));
      assertThat(model.available(id)).isNotNegative();
      for (var customer : names.customers) {
        if (model.unitsOf(id, customer) > 0) {
          allotments.add("%s %s %d".formatted(id, customer, model.unitsOf(id, customer)));
        }
      }
    }
    var offers = in(names.offers);
    assertThat(
            shop.query(
                "SELECT offer_id, allocated, available, held, sold, limit_per_customer FROM stock"
                    + " WHERE offer_id IN "
                    + offers))
        .containsExactlyInAnyOrderElementsOf(stock);
    assertThat(
            shop.query(
                "SELECT offer_id, customer_id, units FROM allotment WHERE units > 0 AND offer_id IN "
                    + offers))
        .containsExactlyInAnyOrderElementsOf(allotments);
    assertThat(holds(shop, names)).isEqualTo(holds(model));
    assertThat(outbox(shop, names)).isEqualTo(new HashSet<>(model.outbox));
  }

  private static Set<String> holds(TestLedger shop, Names names) {
    return Set.copyOf(
        shop.query(
            """
            SELECT reservation_id, coalesce(customer_id::text, ''), state, quantities,
                   extract(epoch FROM expires_at)::bigint, payment_id
            FROM hold WHERE reservation_id IN
            """
                + in(names.ids)));
  }

  private static Set<String> holds(PlainLedger model) {
    return model.reservations.values().stream()
        .map(
            r ->
                "%s %s %s {%s} %d %s"
                    .formatted(
                        r.id,
                        r.customer,
                        r.state,
                        r.lines.stream()
                            .map(l -> Integer.toString(l.quantity()))
                            .collect(Collectors.joining(",")),
                        r.expiresAt.getEpochSecond(),
                        r.sold == null ? null : r.sold.paymentId()))
        .collect(Collectors.toSet());
  }

  private static Set<String> outbox(TestLedger shop, Names names) {
    return shop.database.with(
        connection -> {
          var found = new HashSet<String>();
          try (var statement = connection.createStatement();
              var rows =
                  statement.executeQuery(
                      "SELECT key, envelope::json->>'type' AS type, due_at FROM outbox WHERE key IN "
                          + in(names.ids))) {
            while (rows.next()) {
              var due = rows.getObject("due_at", java.time.OffsetDateTime.class).toInstant();
              found.add(rows.getString("key") + " " + rows.getString("type") + " " + due);
            }
          }
          return found;
        });
  }

  private static String in(List<UUID> ids) {
    return ids.stream().map(id -> "'" + id + "'").collect(Collectors.joining(",", "(", ")"));
  }
}
