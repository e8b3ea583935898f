package flashsale.catalog;

import flashsale.contracts.Checkout;
import flashsale.contracts.CheckoutUnavailable;
import flashsale.contracts.Fact;
import flashsale.platform.http.Problem;
import flashsale.platform.messaging.Envelopes;
import flashsale.platform.messaging.Outbox;
import flashsale.platform.persistence.Database;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How an operator's decision is made and reaches the ledger: the row and the fact that tells the
 * ledger are written in one transaction; then the fact is carried at once, so that the operator's
 * answer shows what came of it. If this process dies in between, or the ledger cannot be reached,
 * the outbox finishes it. Thread-safe; all decisions take turns (see {@link
 * SaleRows#nextRevision}).
 */
final class Decisions {
  private static final Logger LOG = LoggerFactory.getLogger(Decisions.class);

  /** How long the relay leaves a fact to the process that is just carrying it. */
  private static final Duration LEASE = Duration.ofSeconds(10);

  private static final Duration RETRY_AFTER = Duration.ofSeconds(1);

  /** What was written, and what the ledger has to know of it. */
  record Decided<T>(T row, Optional<Fact> fact) {
    static <T> Decided<T> withoutLedger(T row) {
      return new Decided<>(row, Optional.empty());
    }
  }

  /** Reads, decides and writes within one transaction. */
  @FunctionalInterface
  interface Decision<T> {
    Decided<T> on(Connection connection, Instant now) throws SQLException;
  }

  private final Database database;
  private final Outbox outbox;
  private final Envelopes<Fact> envelopes;
  private final Checkout checkout;
  private final InstantSource clock;
  private final Runnable changed;

  /**
   * Over these parts.
   *
   * @param changed is run after every decision and must not throw
   */
  Decisions(
      Database database,
      Outbox outbox,
      Envelopes<Fact> envelopes,
      Checkout checkout,
      InstantSource clock,
      Runnable changed) {
    this.database = database;
    this.outbox = outbox;
    this.envelopes = envelopes;
    this.checkout = checkout;
    this.clock = clock;
    this.changed = changed;
  }

  /**
   * Makes a decision and tells the ledger.
   *
   * @return the row as it was written
   * @throws Problem whatever the decision threw, with nothing written; or 503 SAVED_NOT_APPLIED,
   *     with everything written
   */
  <T> T decide(Decision<T> decision) {
    var now = clock.instant();
    var decided =
        database.inTransaction(
            connection -> {
              SaleRows.nextRevision(connection);
              var made = decision.on(connection, now);
              outbox.append(
                  connection, made.fact().map(fact -> entry(fact, now)).stream().toList());
              return made;
            });
    try {
      decided.fact().ifPresent(this::tell);
    } finally {
      changed.run();
    }
    return decided.row();
  }

  private Outbox.Entry entry(Fact fact, Instant now) {
    return new Outbox.Entry(envelopes.seal(fact, fact.key(), now, null), now.plus(LEASE));
  }

  private void tell(Fact fact) {
    var id = envelopes.id(fact);
    try {
      checkout.carry(fact);
    } catch (RuntimeException e) {
      LOG.warn("{} is saved but not applied: {}", fact, e.toString());
      leaveToRelay(id);
      throw savedNotApplied(fact, e);
    }
    try {
      outbox.done(List.of(id));
    } catch (RuntimeException e) {
      LOG.warn("the relay will carry {} once more: {}", fact, e.toString());
    }
  }

  private void leaveToRelay(UUID id) {
    try {
      outbox.retryAt(id, clock.instant());
      outbox.committed();
    } catch (RuntimeException e) {
      LOG.warn("{} waits for its lease: {}", id, e.toString());
    }
  }

  private static Problem savedNotApplied(Fact fact, RuntimeException cause) {
    var problem =
        Problem.unavailable(
                "SAVED_NOT_APPLIED",
                "The change is saved and will be applied by itself; do not send it again as new."
                    + " The stock ledger could not be told at once.",
                cause instanceof CheckoutUnavailable unavailable
                    ? unavailable.retryAfter()
                    : RETRY_AFTER)
            .with("saleId", fact.key());
    return fact instanceof Fact.OfferAllocated allocated
        ? problem.with("offerId", allocated.offerId())
        : problem;
  }
}
