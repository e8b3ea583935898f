package flashsale.server;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import flashsale.contracts.CheckoutUnavailable;
import flashsale.platform.batching.Late;
import flashsale.platform.batching.Overloaded;
import flashsale.platform.persistence.DatabaseFailure;
import java.sql.SQLException;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class OutagesTest {
  private static final Duration SOON = Duration.ofSeconds(3);

  private final Logger logger = (Logger) LoggerFactory.getLogger(Outages.class);
  private final ListAppender<ILoggingEvent> log = new ListAppender<>();
  private final Outages outages = new Outages();

  @BeforeEach
  void listen() {
    log.start();
    logger.addAppender(log);
  }

  @AfterEach
  void leave() {
    logger.detachAppender(log);
  }

  @Test
  void whatADatabaseSaidIsForTheLogOnly() {
    var cause = failure("57P01", "FATAL: terminating connection; INSERT INTO hold VALUES (7)");

    for (var e : new RuntimeException[] {cause, walk(cause)}) {
      var fresh = new Outages();
      var problem = fresh.problem(e).orElseThrow();
      assertThat(problem.status()).isEqualTo(503);
      assertThat(problem.retryAfter()).isPresent();
      assertThat(problem.body().toString()).doesNotContain("INSERT").doesNotContain("FATAL");
      assertThat(log.list.getLast().getThrowableProxy().getMessage()).contains("INSERT INTO hold");
    }
    assertThat(outages.problem(walk(cause)).orElseThrow().retryAfter()).contains(SOON);
  }

  @Test
  void aBrokenConstraintIsAFaultAndNotAnOutage() {
    var broken = failure("23514", "violates check constraint \"stock_check\"");

    assertThat(outages.problem(broken)).isEmpty();
    assertThat(outages.problem(walk(broken))).isEmpty();
  }

  @Test
  void anOutageOfManyRequestsIsLoggedOnceAndCounted() {
    for (int i = 0; i < 1000; i++) {
      assertThat(outages.problem(failure("08006", "gone"))).isPresent();
    }
    assertThat(log.list).hasSizeLessThan(20);
  }

  @Test
  void whatIsFullOrLateTellsItsFigures() {
    assertThat(outages.problem(new Overloaded("walk is full (waiting=7)")).orElseThrow())
        .hasMessageContaining("waiting=7");
    assertThat(outages.problem(new Late("no answer within 7 ms")).orElseThrow().code())
        .isEqualTo("LATE");
    assertThat(outages.problem(new IllegalStateException("a fault"))).isEmpty();
  }

  private static DatabaseFailure failure(String sqlState, String message) {
    return new DatabaseFailure("inventory: " + message, new SQLException(message, sqlState));
  }

  private static CheckoutUnavailable walk(DatabaseFailure cause) {
    return new CheckoutUnavailable("stopped behind X: " + cause.getMessage(), SOON, cause);
  }
}
