package flashsale.inventory;

import flashsale.contracts.Fact;
import flashsale.contracts.Step;
import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.DatabaseFailure;
import java.time.Duration;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

public final class Ledger implements Step {
  public record Settings(
      Duration chargeWindow,
      Duration releaseGrace,
      Duration sweepEvery,
      int sweepMax,
      Duration gaugeRefresh) {
    public static final Settings DEFAULT =
        new Settings(
            Duration.ofMinutes(2),
            Duration.ofSeconds(10),
            Duration.ofMillis(250),
            500,
            Duration.ofMillis(100));
  }

  private final Database database;
  private final InstantSource clock;
  private final Settings settings;
  private final LedgerTables tables = new LedgerTables();

  public Ledger(Database database, InstantSource clock, Settings settings) {
    this.database = database;
    this.clock = clock;
    this.settings = settings;
  }

  @Override
  public List<Fact> apply(List<Fact> facts) {
    var scope = Scope.of(facts);
    return database.inTransaction(
        c -> {
          var book = new Book(clock.instant().truncatedTo(ChronoUnit.MICROS), settings);
          tables.read(c, scope, book);
          var out = new ArrayList<Fact>(facts.size());
          for (var f : facts) out.add(book.decide(f));
          tables.write(c, book, LedgerTables.combine);
          return out;
        });
  }
}
