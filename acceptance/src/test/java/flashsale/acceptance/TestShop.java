package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import flashsale.platform.http.Routes;
import flashsale.server.OperatorAccount;
import flashsale.server.ServedShop;
import flashsale.server.SplitShop;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A running shop with its own PostgreSQL in a temporary folder, and whom a test needs to use it.
 * Everything goes over HTTP. Thread-safe.
 */
final class TestShop implements AutoCloseable {
  static final int HOLD_SECONDS = 600;

  /** An offer to be made; a limit of 0 is none. */
  record Ask(int allocated, int limitPerCustomer, long unitPriceMinor) {}

  /** An open sale. */
  record Sale(String saleId, List<String> offerIds) {
    String offerId() {
      return offerIds.getFirst();
    }
  }

  private final Path folder;
  private final Runnable stop;
  private final List<Routes.Route> routes;
  private final URI url;
  private final Tokens tokens;
  private final Visitor operator;
  private final AtomicBoolean stopped = new AtomicBoolean();

  private TestShop(Path folder, Runnable stop, List<Routes.Route> routes, URI url) {
    this.folder = folder;
    this.stop = stop;
    this.routes = routes;
    this.url = url;
    this.tokens = Tokens.of(folder.resolve("keys"));
    var account = OperatorAccount.find(folder).orElseThrow();
    this.operator = signIn(account.email(), account.password());
  }

  /**
   * Starts a shop in this process.
   *
   * @param settings each as {@code name=value}
   */
  static TestShop start(String... settings) {
    return start(TemporaryFolder.make(), settings);
  }

  /** Starts a shop on a folder that may have been used before. */
  static TestShop start(Path folder, String... settings) {
    var served = ServedShop.start(folder, named(settings));
    return new TestShop(folder, served::close, served.routes(), served.url());
  }

  /** Starts a shop whose roles are separate services behind a gateway. */
  static TestShop split(String... settings) {
    var folder = TemporaryFolder.make();
    var served = SplitShop.start(folder, named(settings));
    return new TestShop(folder, served::close, List.of(), served.url());
  }

  /** A shop of separate services; closing this leaves them alone. */
  static TestShop of(Path folder, SplitShop split) {
    return new TestShop(folder, () -> {}, List.of(), split.url());
  }

  /** Tests ask more often than customers do. */
  static final Map<String, String> TIRELESS =
      Map.of(
          "limits.customerReads", "0",
          "limits.customerWrites", "0",
          "limits.customerPurchases", "0",
          "limits.passwordsPerMinute", "0");

  private static Map<String, String> named(String... settings) {
    Map<String, String> given = new HashMap<>(TIRELESS);
    for (var setting : settings) {
      int equals = setting.indexOf('=');
      given.put(setting.substring(0, equals), setting.substring(equals + 1));
    }
    return given;
  }

  /** A shop that another process serves; closing this leaves that alone. */
  static TestShop of(Path folder, URI url) {
    return new TestShop(folder, () -> {}, List.of(), url);
  }

  Path folder() {
    return folder;
  }

  List<Routes.Route> routes() {
    return routes;
  }

  URI url() {
    return url;
  }

  Tokens tokens() {
    return tokens;
  }

  Visitor operator() {
    return operator;
  }

  Visitor anybody() {
    return new Visitor(url, null);
  }

  /** A customer with a valid token, without an account. */
  Visitor customer() {
    return new Visitor(url, tokens.customer());
  }

  /** A customer with an account, signed up and in as everybody is. */
  Visitor newCustomer() {
    var email = "c" + UUID.randomUUID() + "@example.com";
    var password = "correct horse battery";
    anybody().post("/api/v1/users", Map.of("email", email, "password", password)).expect(201);
    return signIn(email, password);
  }

  Visitor signIn(String email, String password) {
    var session =
        anybody()
            .post("/api/v1/sessions", Map.of("email", email, "password", password))
            .expect(201);
    return new Visitor(url, session.text("accessToken"));
  }

  /** An open sale with these offers. */
  Sale openSale(int holdSeconds, Ask... asks) {
    var now = Instant.now();
    var sale =
        draft(now.minus(Duration.ofMinutes(1)), now.plus(Duration.ofHours(1)), holdSeconds, asks);
    operator.post("/api/v1/admin/sales/" + sale.saleId() + "/open", Map.of()).expect(200);
    return sale;
  }

  Sale openSale(Ask... asks) {
    return openSale(HOLD_SECONDS, asks);
  }

  /** A sale that nobody sees yet. */
  Sale draft(Instant opensAt, Instant closesAt, int holdSeconds, Ask... asks) {
    var productId =
        operator
            .post("/api/v1/admin/products", Map.of("name", "Lamp", "description", "Gives light."))
            .expect(201)
            .text("productId");
    var body =
        Map.of(
            "name",
            "Winter",
            "opensAt",
            opensAt.toString(),
            "closesAt",
            closesAt.toString(),
            "holdSeconds",
            holdSeconds);
    var saleId = operator.post("/api/v1/admin/sales", body).expect(201).text("saleId");
    var offerIds = new ArrayList<String>();
    for (var ask : asks) {
      offerIds.add(offer(saleId, productId, ask));
    }
    return new Sale(saleId, List.copyOf(offerIds));
  }

  private String offer(String saleId, String productId, Ask ask) {
    var body =
        Map.of(
            "productId", productId,
            "unitPriceMinor", ask.unitPriceMinor(),
            "currency", "EUR",
            "allocated", ask.allocated(),
            "limitPerCustomer", ask.limitPerCustomer());
    return operator
        .post("/api/v1/admin/sales/" + saleId + "/offers", body)
        .expect(201)
        .text("offerId");
  }

  /** What the ledger says about an offer: allocated, available, held, sold. */
  JsonNode stock(Sale sale, String offerId) {
    for (var offer :
        operator
            .get("/api/v1/admin/sales/" + sale.saleId() + "/audit")
            .expect(200)
            .json()
            .path("offers")) {
      if (offer.path("offerId").asText().equals(offerId)) {
        return offer;
      }
    }
    throw new AssertionError("the ledger does not know " + offerId);
  }

  JsonNode audit() {
    return operator.get("/api/v1/admin/audit").expect(200).json();
  }

  /** Everything adds up. */
  void assertAudited() {
    var audit = audit();
    assertThat(audit.path("verdict").asText()).as(audit.toPrettyString()).isEqualTo("OK");
  }

  Sql superuser() throws IOException {
    return Sql.superuser(folder);
  }

  Sql sql(String role) {
    return Sql.of(folder, role);
  }

  /** Stops the shop and deletes its data; fails if it ever answered other than is documented. */
  @Override
  public void close() {
    stop();
    TemporaryFolder.delete(folder);
    Documented.assertTrue();
  }

  /** Stops the shop, if that was not done before, and keeps its data. */
  void stop() {
    if (stopped.compareAndSet(false, true)) {
      stop.run();
    }
  }
}
