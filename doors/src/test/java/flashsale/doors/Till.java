package flashsale.doors;

import flashsale.contracts.Catalog;
import flashsale.contracts.Fact;
import flashsale.contracts.Quote;
import flashsale.contracts.SaleState;
import flashsale.platform.http.HttpServer;
import flashsale.platform.http.Routes;
import flashsale.platform.time.Deadline;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/** A role behind a real door, whose answers a test decides. Its quotes tell its own price. */
final class Till implements Catalog, AutoCloseable {
  static final String TOKEN = "the secret that all of this test's processes share";

  final List<Integer> batches = Collections.synchronizedList(new ArrayList<>());
  final List<Optional<Duration>> deadlines = Collections.synchronizedList(new ArrayList<>());
  final AtomicInteger asked = new AtomicInteger();
  final AtomicInteger answers = new AtomicInteger();
  private final long price;
  private final UnaryOperator<List<Fact>> step;
  private final HttpServer server;

  Till(long price, UnaryOperator<List<Fact>> step, int port) {
    this.price = price;
    this.step = step;
    var routes = new Routes();
    DoorRoutes.add(routes, "catalog", Catalog.class, this);
    this.server =
        new HttpServer(
            new HttpServer.Settings("127.0.0.1", port, 1 << 20, 1_000, 100),
            routes,
            new ServiceToken("the one that will be sent from tomorrow on, " + TOKEN),
            (method, route, path, status, nanos, id) -> answers.incrementAndGet(),
            e -> Optional.empty());
  }

  Till(long price) {
    this(price, facts -> facts, 0);
  }

  int port() {
    return server.port();
  }

  @Override
  public List<Fact> apply(List<Fact> facts) {
    asked.incrementAndGet();
    batches.add(facts.size());
    deadlines.add(Deadline.current().map(Deadline::left));
    return step.apply(facts);
  }

  @Override
  public Map<UUID, Quote> quotes(Collection<UUID> offerIds) {
    asked.incrementAndGet();
    batches.add(offerIds.size());
    return offerIds.stream().collect(Collectors.toMap(id -> id, this::quote));
  }

  private Quote quote(UUID offerId) {
    var opensAt = Instant.parse("2026-01-31T12:00:00Z");
    return new Quote(
        offerId,
        offerId,
        "Lamp",
        price,
        "EUR",
        0,
        SaleState.OPEN,
        opensAt,
        opensAt.plusSeconds(3_600));
  }

  @Override
  public void close() {
    server.close();
  }
}
