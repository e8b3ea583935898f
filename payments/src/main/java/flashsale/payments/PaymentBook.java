package flashsale.payments;

import flashsale.contracts.AuditRow;
import flashsale.contracts.Fact;
import flashsale.contracts.Fact.PaymentRequested;
import flashsale.contracts.Fact.RefundRequested;
import flashsale.contracts.PaymentState;
import flashsale.payments.PaymentTable.RefundNote;
import flashsale.platform.batching.Overloaded;
import flashsale.platform.ids.Ids;
import flashsale.platform.messaging.Changes;
import flashsale.platform.messaging.Envelopes;
import flashsale.platform.messaging.Outbox;
import flashsale.platform.persistence.Database;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The payments' rows and, in the same transactions, their outbox: money that was taken is never
 * known without the message that drives it on. Thread-safe.
 */
final class PaymentBook {
  private static final Logger LOG = LoggerFactory.getLogger(PaymentBook.class);
  private static final UUID BEFORE_ALL = new UUID(0, 0);

  /** What came of an attempt to begin a payment. */
  sealed interface Opening {
    /** It is PENDING now. */
    record Opened(PaymentRow row) implements Opening {}

    /** It was there before. */
    record Known(PaymentRow row) implements Opening {}

    /** Another payment of this order was, or may have been, charged. */
    record OrderTaken() implements Opening {}

    /** The order has had as many payments as it may. */
    record TooMany() implements Opening {}
  }

  private final Database database;
  private final Outbox outbox;
  private final Envelopes<Fact> envelopes;
  private final Changes changes;
  private final InstantSource clock;
  private final PaymentDesk.Settings settings;

  PaymentBook(
      Database database,
      Outbox outbox,
      Envelopes<Fact> envelopes,
      Changes changes,
      InstantSource clock,
      PaymentDesk.Settings settings) {
    this.changes = changes;
    this.database = database;
    this.outbox = outbox;
    this.envelopes = envelopes;
    this.clock = clock;
    this.settings = settings;
  }

  Instant now() {
    return clock.instant().truncatedTo(ChronoUnit.MICROS);
  }

  /** Makes all of them PENDING in one durable statement; safe to repeat. */
  List<Opening> open(List<PaymentRow> rows) {
    return database.with(connection -> open(connection, rows));
  }

  /**
   * The same, and in the same transaction the outbox gets what drives each of them on.
   *
   * @throws Overloaded if too many of those before have not been done
   */
  List<Opening> accept(List<PaymentRow> rows) {
    outbox.requireRoom();
    var openings =
        database.inTransaction(
            connection -> {
              var opened = open(connection, rows);
              var now = now();
              outbox.append(
                  connection,
                  opened.stream()
                      .filter(Opening.Opened.class::isInstance)
                      .map(o -> ((Opening.Opened) o).row().request())
                      .map(request -> new Outbox.Entry(sealed(request, now), now))
                      .toList());
              return opened;
            });
    outbox.committed();
    return openings;
  }

  private List<Opening> open(Connection connection, List<PaymentRow> rows) throws SQLException {
    var added = PaymentTable.insert(connection, rows, settings.paymentsPerOrderMax());
    var known =
        added.size() == rows.size()
            ? Map.<UUID, PaymentRow>of()
            : PaymentTable.find(connection, ids(rows));
    var openings = new ArrayList<Opening>(rows.size());
    for (var row : rows) {
      openings.add(opening(connection, row, added, known));
    }
    return openings;
  }

  private Opening opening(
      Connection connection, PaymentRow row, Set<UUID> added, Map<UUID, PaymentRow> known)
      throws SQLException {
    if (added.remove(row.paymentId())) {
      return new Opening.Opened(row);
    }
    if (known.containsKey(row.paymentId())) {
      return new Opening.Known(known.get(row.paymentId()));
    }
    int count = PaymentTable.count(connection, row.reservationId());
    return count >= settings.paymentsPerOrderMax()
        ? new Opening.TooMany()
        : new Opening.OrderTaken();
  }

  Optional<PaymentRow> find(UUID paymentId) {
    return Optional.ofNullable(find(List.of(paymentId)).get(paymentId));
  }

  /** The same for somebody who only wants to know. */
  Optional<PaymentRow> look(UUID paymentId) {
    var ids = List.of(paymentId);
    return Optional.ofNullable(
        database.read(connection -> PaymentTable.find(connection, ids)).get(paymentId));
  }

  Map<UUID, PaymentRow> find(Collection<UUID> paymentIds) {
    return database.with(connection -> PaymentTable.find(connection, paymentIds));
  }

  /** By order id: the payment of each of these orders that was, or may have been, charged. */
  Map<UUID, PaymentRow> ofOrders(Collection<UUID> orderIds) {
    return database
        .with(connection -> PaymentTable.ofOrders(connection, orderIds))
        .values()
        .stream()
        .collect(Collectors.toMap(PaymentRow::orderId, row -> row));
  }

  /**
   * Writes what became known and tells how these payments stand now; where another answer came
   * first, it stays. What turns out to be captured goes into the outbox; what turns out to be
   * captured after it was given up is noted to be given back.
   *
   * @param lease for how long whoever called drives a captured payment on himself; zero: nobody
   *     does
   */
  Map<UUID, PaymentRow> settle(List<Settlement> settlements, Duration lease) {
    if (settlements.isEmpty()) {
      return Map.of();
    }
    var settled =
        database.inTransaction(
            connection -> {
              var now = now();
              var before = PaymentTable.lock(connection, paymentIds(settlements));
              var after = new HashMap<>(before);
              var strays = new ArrayList<Settlement.Captured>();
              for (var s : settlements) {
                // What the gateway says by itself may be about a payment of somebody else.
                var row = after.computeIfPresent(s.paymentId(), (id, r) -> r.after(s, now));
                if (s instanceof Settlement.Captured c
                    && row != null
                    && row.state() == PaymentState.DECLINED) {
                  strays.add(c);
                }
              }
              noteStrays(connection, strays, now);
              var moved =
                  after.values().stream()
                      .filter(row -> row.state() != before.get(row.paymentId()).state())
                      .toList();
              move(connection, moved);
              outbox.append(connection, captured(moved, now, now.plus(lease)));
              return after;
            });
    if (lease.isZero()) {
      outbox.committed();
    }
    changes.changed(settled.keySet());
    return settled;
  }

  private static void noteStrays(
      Connection connection, List<Settlement.Captured> strays, Instant now) throws SQLException {
    for (var stray : strays) {
      if (StrayTable.insert(connection, stray, now)) {
        LOG.error(
            "the gateway captured {} for payment {}, which it had given up: it is given back",
            stray.reference(),
            stray.paymentId());
      }
    }
  }

  private static void move(Connection connection, List<PaymentRow> rows) throws SQLException {
    int moved = rows.isEmpty() ? 0 : PaymentTable.move(connection, rows);
    if (moved != rows.size()) {
      throw new IllegalStateException(
          "%d of %d locked payments could not be moved: %s"
              .formatted(rows.size() - moved, rows.size(), ids(rows)));
    }
  }

  private List<Outbox.Entry> captured(List<PaymentRow> rows, Instant now, Instant dueAt) {
    return rows.stream()
        .filter(row -> row.state() == PaymentState.CAPTURED)
        .map(row -> entry(capturedEntry(row.paymentId()), row.captured(), now, dueAt))
        .toList();
  }

  private Outbox.Entry entry(UUID id, Fact fact, Instant now, Instant dueAt) {
    return new Outbox.Entry(id, fact.key(), sealed(fact, now).envelope(), dueAt);
  }

  private Envelopes.Sealed sealed(Fact fact, Instant now) {
    return envelopes.seal(fact, fact.key(), now, null);
  }

  private static UUID capturedEntry(UUID paymentId) {
    return Ids.derive(paymentId, "captured");
  }

  private static UUID refundEntry(UUID paymentId) {
    return Ids.derive(paymentId, "refund");
  }

  /** The walk of this captured payment has reached its end. */
  void walked(UUID paymentId) {
    outbox.done(List.of(capturedEntry(paymentId)));
    changes.changed(List.of(paymentId));
  }

  /** Nobody walks this captured payment any more: the relay is to take it up now. */
  void driveOn(UUID paymentId) {
    outbox.retryAt(capturedEntry(paymentId), now());
    outbox.committed();
  }

  /**
   * Notes durably that an operator wants the money of this order back; a repeat gives the first
   * note.
   *
   * @return nothing if no money of this order was captured
   */
  Optional<RefundRequested> requestRefund(UUID orderId, UUID operatorId) {
    return database.inTransaction(
        connection -> {
          var row =
              PaymentTable.ofOrders(connection, List.of(orderId)).values().stream()
                  .filter(payment -> !payment.open())
                  .findFirst();
          if (row.isEmpty()) {
            return Optional.empty();
          }
          var now = now();
          var id = row.get().paymentId();
          var note = PaymentTable.noteRefund(connection, id, new RefundNote(operatorId, now));
          var request =
              new RefundRequested(
                  orderId,
                  row.get().reservationId(),
                  row.get().customerId(),
                  note.requestedBy(),
                  note.requestedAt());
          var dueAt = now.plus(settings.walkLease());
          outbox.append(connection, List.of(entry(refundEntry(id), request, now, dueAt)));
          return Optional.of(request);
        });
  }

  /** The walk of this order's refund has reached its end. */
  void refundWalked(UUID orderId) {
    outbox.done(
        ofOrders(List.of(orderId)).values().stream()
            .map(row -> refundEntry(row.paymentId()))
            .toList());
  }

  /** Takes payments to be asked about and puts their next time off. */
  List<PaymentRow> takeDue() {
    return database.with(
        connection ->
            PaymentTable.takeDue(
                connection,
                now(),
                settings.gatewayTimeout(),
                settings.backoffFirst(),
                settings.backoffMax(),
                settings.looksMax()));
  }

  /** Takes strays to be given back and puts their next time off. */
  List<UUID> takeDueStrays() {
    return database.with(
        connection ->
            StrayTable.takeDue(
                connection,
                now(),
                settings.gatewayTimeout(),
                settings.backoffFirst(),
                settings.backoffMax(),
                settings.looksMax()));
  }

  /** The money of these strays went back. */
  void straysRefunded(List<UUID> paymentIds) {
    if (!paymentIds.isEmpty()) {
      database.with(connection -> StrayTable.refunded(connection, paymentIds, now()));
    }
  }

  /**
   * Nothing waits longer to be asked about than it could: the times were told by a process that may
   * have had a clock ahead of this one's.
   */
  void boundLooks() {
    var latest = now().plus(PaymentApi.ACCEPTED_LOOK_AFTER);
    database.with(connection -> PaymentTable.lookBy(connection, latest));
    database.with(connection -> StrayTable.lookBy(connection, latest));
  }

  List<PaymentRequested> pending(
      Instant from, Instant to, Optional<PaymentRequested> after, int max) {
    return database
        .with(connection -> PaymentTable.pending(connection, from, to, after, max))
        .stream()
        .map(PaymentRow::request)
        .toList();
  }

  List<AuditRow.Payment> after(Optional<UUID> reservationId, int max) {
    return database.with(
        connection -> {
          var rows = PaymentTable.after(connection, reservationId.orElse(BEFORE_ALL), max);
          var out = StrayTable.out(connection, ids(rows));
          return rows.stream().map(row -> row.auditRow(out.contains(row.paymentId()))).toList();
        });
  }

  private static List<UUID> ids(List<PaymentRow> rows) {
    return rows.stream().map(PaymentRow::paymentId).toList();
  }

  private static List<UUID> paymentIds(List<Settlement> settlements) {
    return settlements.stream().map(Settlement::paymentId).distinct().toList();
  }
}
